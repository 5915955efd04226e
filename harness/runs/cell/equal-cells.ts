/** Finds cells whose runs would be equal whatever their seed, of which one is enough. */
import { isDrawnBySeed } from '../../records/record.ts';
import { addressOf } from '../plan/cell.ts';
import type { AttachedCell } from './attach-cell.ts';
import type { PreparedCell } from './prepare-cells.ts';
import { describePublished } from './published-recipe.ts';

/** Keeps one of the cells that differ in nothing but a seed on which nothing depends; one with a record if there is any. */
export function withoutEqualCells<C extends AttachedCell | PreparedCell>(cells: readonly C[]): C[] {
  const kept = new Map<string, C>();
  for (const attached of cells) {
    const key = keyOf(attached);
    const other = kept.get(key);
    if (!other || (hasRecord(attached) && !hasRecord(other))) kept.set(key, attached);
  }
  return [...kept.values()];
}

const hasRecord = (attached: AttachedCell | PreparedCell): boolean =>
  'place' in attached && attached.place.record?.status === 'finished';

/** Tells cells apart by all of their address, without the seed where nothing depends on it. */
function keyOf(attached: AttachedCell | PreparedCell): string {
  const address = addressOf(attached.cell);
  return JSON.stringify({ ...address, seed: dependsOnSeed(attached) ? address.seed : undefined });
}

/** Whether a run's numbers depend on its seed: by the order of training, by drawn values, or by drawn data. */
function dependsOnSeed({ cell, base, counts, isDrawn }: AttachedCell | PreparedCell): boolean {
  const trains = counts.trained + counts.head > 0 && cell.recipe.maxSteps !== 0;
  return trains || isDrawn || isDrawnBySeed(describePublished(cell, base.family));
}
