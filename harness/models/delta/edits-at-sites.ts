/**
 * Helpers for methods that edit some sites of the base and leave the others alone. In an edit, `own` gives
 * the site's tensor by the end of its name, as `tensorsAt` (tensor-specs.ts) declares it.
 */
import type { Edits, LinearModule, Site, Tensor, Tensors, Values } from '../edits.ts';
import type { AffineEdit } from '../method.ts';

/** An edited site and access to its tensors. */
interface Edited<Value> {
  readonly site: Site;
  own(end: string): Value;
}

/**
 * Gives a function that finds an edited site by its name, and gives undefined for a site that is not edited.
 */
function editedAmong<Value>(sites: readonly Site[], x: Readonly<Record<string, Value>>) {
  const names = new Set(sites.map(({ name }) => name));
  return (site: Site): Edited<Value> | undefined =>
    names.has(site.name) ? { site, own: (end) => x[`${site.name}.${end}`]! } : undefined;
}

/** Edits the output y [N, outputs] of linear modules, norms and blocks. */
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

/** Edits the output y [N, outputs] of linear modules and the head, given their input [N, inputs] and their weights. */
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

/** Edits the input [N, inputs] of linear modules. */
export function editInputs(
  sites: readonly Site[],
  x: Tensors,
  edit: (at: Edited<Tensor>) => (input: Tensor) => Tensor,
): Edits {
  const editedAt = editedAmong(sites, x);
  return {
    linear(site) {
      const at = editedAt(site);
      return at && { input: edit(at) };
    },
  };
}

/** Edits the rows [N, d] of embeddings, given the ids [N] that they were read at and the table [inputs, d]. */
export function editEmbeddings(
  sites: readonly Site[],
  x: Tensors,
  edit: (rows: Tensor, at: Edited<Tensor> & { readonly ids: Tensor; readonly table: Tensor }) => Tensor,
): Edits {
  const editedAt = editedAmong(sites, x);
  return {
    embedding(site, table) {
      const at = editedAt(site);
      return at && ((rows, ids) => edit(rows, { ...at, ids, table }));
    },
  };
}

/** Edits the output y [N, d] of sublayers before dropout and residual, given their input [N, d]. */
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

/** Makes the `merge` result of a method that has one affine edit at each of its sites. */
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
