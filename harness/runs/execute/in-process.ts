/** Executes cells in this process, on one engine. */
import type { RunRecord } from '../../records/record.ts';
import { trainTogether } from '../../training/loop/train-together.ts';
import { runCell } from '../cell/run-cell.ts';
import type { Plan } from '../plan/cell.ts';
import { recordUnderLock, type Retry } from './claim-cell.ts';
import type { CellExecutor } from './executor.ts';
import { startEngine } from './start-engine.ts';
import { runQueue } from './work-queue.ts';

/** Starts the engine of a plan, on which cells are then executed; throws UsageError where it does not run. */
export async function startInProcess(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  retry: Retry,
): Promise<CellExecutor> {
  const engine = await startEngine(plan);
  const { threads, recompute, memory } = plan.engine;
  return {
    async execute(group, eventsOf, signal) {
      const companions = group.length > 1 ? trainTogether(group.length) : [];
      const pieces = group.map((run, i) => ({ run, companion: companions[i] }));
      const execute = async ({ run, companion }: (typeof pieces)[number], stop: AbortSignal) => {
        const events = eventsOf(run);
        const recorded = await recordUnderLock(plan.results, run, retry, events.onNote, (place, lock) => {
          events.onStart();
          const options = { events, signal: stop, lock, ...(companion && { companion }) };
          return runCell({ ...run, place }, { engine, code, threads, recompute, memory }, options);
        }).finally(() => companion?.leave());
        if (recorded !== 'busy') events.onEnd(recorded);
      };
      // An error of one cell stops the others.
      await runQueue(pieces, pieces.length, execute, { signal, onWait: () => undefined });
    },
    close: () => Promise.resolve(),
  };
}
