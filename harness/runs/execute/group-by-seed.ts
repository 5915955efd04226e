/**
 * Finds the cells that may be trained in one program (--batch-seeds): those that differ in nothing but their
 * seed.
 */
import { UsageError } from '../../support/errors.ts';
import { refusesTogether } from '../../training/loop/train-together.ts';
import type { AttachedCell } from '../cell/attach-cell.ts';

/**
 * Groups cells that differ in nothing but their seed and its data; throws UsageError where a method cannot be
 * trained so.
 */
export function groupBySeed<Run extends Pick<AttachedCell, 'cell' | 'base' | 'delta'>>(
  runs: readonly Run[],
): Run[][] {
  const groups = new Map<string, Run[]>();
  for (const run of runs) {
    const { cell, base, delta } = run;
    const { task, model, variant } = cell;
    const key = JSON.stringify([task.name, model, variant.name]);
    const group = groups.get(key) ?? [];
    groups.set(key, [...group, run]);
    const reason = group.length > 0 && refusesTogether(base, delta);
    if (reason) {
      throw new UsageError(
        `--batch-seeds cannot train ${variant.name}: ${reason}. Leave it out for this method.`,
      );
    }
  }
  return [...groups.values()];
}
