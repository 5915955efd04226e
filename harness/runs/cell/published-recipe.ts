/** Says which of the papers' recipes and choices a cell follows, for its record. */
import { sidesOf } from '../../papers/protocol.ts';
import type { RunRecord } from '../../records/record.ts';
import type { Cell } from '../plan/cell.ts';
import { findRecipeOf } from '../plan/resolve-recipe.ts';

/** The base, the recipes and the sides of discrepancies that a cell follows. */
export function describePublished(
  { task, variant, published, tuned, protocol, source }: Cell,
  family: string,
): NonNullable<RunRecord['published']> {
  const methods = variant.parts.map(({ method }) => method.name);
  const data = source.kind === 'built-in' ? 'built-in' : 'official';
  return {
    base: published,
    recipes: tuned
      ? [tuned.source]
      : methods.flatMap((method) => findRecipeOf(task, published, method)?.source ?? []),
    sides: sidesOf(protocol, { task: task.name, model: published, methods, family, data }),
  };
}
