/**
 * Modules of the base that a method trains whole. One that shares its weight with another module, as a tied
 * head does with the embedding, gets a copy, so that the other stays as it is. Methods of modules have them.
 */
import { z } from 'zod';
import { gather, linear } from '../../engine/ops.ts';
import type { BaseModel } from '../base-model.ts';
import { type Edits, hasWeight, type Site, type Tensors, weightName } from '../edits.ts';
import type { Delta, TensorSpec } from '../method.ts';
import { composeEdits } from './compose.ts';
import { editEmbeddings, editLinears, mergeAt } from './edits-at-sites.ts';
import { isNamed } from './target-roles.ts';

/** A method's option that names the modules which it trains whole. */
export const wholeModules = z
  .array(z.string())
  .optional()
  .describe(
    'modules that are trained whole, by role or by the end of their names, such as head or finalNorm',
  );

/** The name of a module's own copy of a shared weight. */
export const copyName = ({ name }: Site): string => `${name}.copy`;

/** Whether no other module reads a module's weight. */
export const ownsWeight = ({ sites, shapes }: BaseModel, site: Site): boolean =>
  weightName(site) in shapes &&
  !sites.some((other) => other !== site && hasWeight(other) && weightName(other) === weightName(site));

/**
 * Lets a method train modules whole as well, which entries name by role or the end of a name; `adapted` are
 * those that it adapts. Throws RangeError where an entry names no module, or one that is adapted.
 */
export function trainWhole(
  delta: Delta,
  base: BaseModel,
  entries: readonly string[] | undefined,
  adapted: readonly Site[],
): Delta {
  if (entries === undefined) return delta;
  const modules = base.sites.filter(
    (site) => hasWeight(site) && entries.some((entry) => isNamed(site, entry)),
  );
  const unknown = entries.find((entry) => !modules.some((site) => isNamed(site, entry)));
  if (unknown !== undefined) throw new RangeError(`${base.id} has no module "${unknown}" to train whole`);
  const twice = modules.find((site) => adapted.includes(site));
  if (twice) throw new RangeError(`${twice.name} cannot be trained whole and adapted as well`);
  const copied = modules.filter((site) => !ownsWeight(base, site));
  const own = new Set(
    modules
      .filter((site) => !copied.includes(site))
      .flatMap((site) => [weightName(site), `${site.name}.bias`]),
  );
  return {
    ...delta,
    trained: {
      ...delta.trained,
      ...Object.fromEntries(copied.map((site) => [copyName(site), copyOf(base, site)])),
    },
    unfreezes: (name, owner) => own.has(name) || (delta.unfreezes?.(name, owner) ?? false),
    edits: (x, context) => composeEdits([delta.edits?.(x, context) ?? {}, copyEdits(copied, x)]),
    ...(delta.merge && {
      merge(x) {
        const edits = delta.merge!(x);
        const copies = mergeAt(copied, x, (at) => ({ weight: at.own('copy') }));
        return (site) => [...edits(site), ...copies(site)];
      },
    }),
  };
}

const copyOf = ({ shapes }: BaseModel, site: Site): TensorSpec => ({
  shape: shapes[weightName(site)]!,
  init: (_, base) => base.tensor(weightName(site)),
});

/** Heads and embeddings that read their copies. */
function copyEdits(copied: readonly Site[], x: Tensors): Edits {
  const tables = copied.filter(({ kind }) => kind === 'embedding');
  const heads = copied.filter(({ kind }) => kind === 'head');
  return {
    ...editLinears(heads, x, (_, { input, own }) => linear(input, own('copy'), undefined, true)),
    ...editEmbeddings(tables, x, (_, { ids, own }) => gather(own('copy'), ids)),
  };
}
