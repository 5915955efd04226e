/** Finds cells whose runs would be equal whatever their seed, of which one is enough. */
import type { Place } from '../../records/record-files.ts';
import { isDrawnBySeed } from '../../records/record.ts';
import { addressOf } from '../plan/cell.ts';
import type { AttachedCell } from './attach-cell.ts';
import { describePublished } from './published-recipe.ts';

/** A cell, whose record has been looked for or not. */
type MaybePlaced = AttachedCell & { readonly place?: Place };

/**
 * Keeps one of the cells that differ in nothing but a seed on which nothing depends; one with a record if
 * there is any.
 */
export function withoutEqualCells<C extends MaybePlaced>(cells: readonly C[]): C[] {
  const kept = new Map<string, C>();
  for (const attached of cells) {
    const key = keyOf(attached);
    const other = kept.get(key);
    if (!other || (hasRecord(attached) && !hasRecord(other))) kept.set(key, attached);
  }
  return [...kept.values()];
}

const hasRecord = (attached: MaybePlaced): boolean => attached.place?.record?.status === 'finished';

/** Tells cells apart by all of their address, without the seed where nothing depends on it. */
function keyOf(attached: MaybePlaced): string {
  const address = addressOf(attached.cell);
  return JSON.stringify({ ...address, seed: dependsOnSeed(attached) ? address.seed : undefined });
}

/**
 * Whether a run's numbers depend on its seed: by the order of training, by drawn values, or by drawn data.
 */
function dependsOnSeed({ cell, base, counts, isDrawn }: MaybePlaced): boolean {
  const trains = counts.trained + counts.head > 0 && cell.recipe.maxSteps !== 0;
  return trains || isDrawn || isDrawnBySeed(describePublished(cell, base.family));
}
