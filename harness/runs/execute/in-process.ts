/** Executes cells in this process, on one engine. */
import type { RunRecord } from '../../records/record.ts';
import { runCell } from '../cell/run-cell.ts';
import type { Plan } from '../plan/cell.ts';
import { recordUnderLock, type Retry } from './claim-cell.ts';
import type { CellExecutor } from './executor.ts';
import { startEngine } from './start-engine.ts';

/** Starts the engine of a plan, on which cells are then executed; throws UsageError where it does not run. */
export async function startInProcess(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  retry: Retry,
): Promise<CellExecutor> {
  const engine = await startEngine(plan);
  const { threads, recompute, memory } = plan.engine;
  return {
    execute: (run, events, signal, companion) =>
      recordUnderLock(plan.results, run, retry, events.onNote, (place, lock) => {
        events.onStart();
        const options = { events, signal, lock, ...(companion && { companion }) };
        return runCell({ ...run, place }, { engine, code, threads, recompute, memory }, options);
      }),
    close: () => Promise.resolve(),
  };
}
