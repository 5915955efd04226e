/**
 * How a method says what it does at some sites of the base, and nothing elsewhere. `own` gives an edit the
 * site's tensors by the end of their name, as `tensorsAt` (tensor-specs.ts) declares them.
 */
import type { Edits, LinearModule, Site, Tensor, Tensors, Values } from '../edits.ts';
import type { AffineEdit } from '../method.ts';

/** A site that is edited, and its tensors. */
interface Edited<Value> {
  readonly site: Site;
  own(end: string): Value;
}

/**
 * Finds out whether a site is among those that are edited, which are known by name; undefined where it is
 * not.
 */
function editedAmong<Value>(sites: readonly Site[], x: Readonly<Record<string, Value>>) {
  const names = new Set(sites.map(({ name }) => name));
  return (site: Site): Edited<Value> | undefined =>
    names.has(site.name) ? { site, own: (end) => x[`${site.name}.${end}`]! } : undefined;
}

/** Changes the output y [N, outputs] of linear modules, norms and blocks. */
export function editOutputs(
  sites: readonly Site[],
  x: Tensors,
  edit: (y: Tensor, at: Edited<Tensor>) => Tensor,
): Edits {
  const editedAt = editedAmong(sites, x);
  const editAt = (y: Tensor, site: Site): Tensor => {
    const at = editedAt(site);
    return at ? edit(y, at) : y;
  };
  return {
    linear: (site) => (editedAt(site) ? { output: (y) => editAt(y, site) } : undefined),
    norm: editAt,
    block: editAt,
  };
}

/** Changes the output y [N, outputs] of linear modules by their input [N, inputs] and their weights. */
export function editLinears(
  sites: readonly Site[],
  x: Tensors,
  edit: (y: Tensor, at: Edited<Tensor> & { readonly input: Tensor; readonly module: LinearModule }) => Tensor,
): Edits {
  const editedAt = editedAmong(sites, x);
  return {
    linear(site, module) {
      const at = editedAt(site);
      return at && { output: (y, input) => edit(y, { ...at, input, module }) };
    },
  };
}

/** Changes the output y [N, d] of sublayers by their input [N, d], before dropout and residual. */
export function editSublayers(
  sites: readonly Site[],
  x: Tensors,
  edit: (y: Tensor, at: Edited<Tensor> & { readonly input: Tensor }) => Tensor,
): Edits {
  const editedAt = editedAmong(sites, x);
  return {
    sublayer(site) {
      const at = editedAt(site);
      return at && { output: (y, input) => edit(y, { ...at, input }) };
    },
  };
}

/** What `merge` returns for a method that makes one affine edit at each of its sites. */
export function mergeAt(
  sites: readonly Site[],
  x: Values,
  edit: (at: Edited<Float32Array>) => AffineEdit,
): (site: Site) => readonly AffineEdit[] {
  const editedAt = editedAmong(sites, x);
  return (site) => {
    const at = editedAt(site);
    return at ? [edit(at)] : [];
  };
}
