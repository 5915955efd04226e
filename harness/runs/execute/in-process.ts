/** Does cells in this process. */
import type { RunRecord } from '../../records/record.ts';
import { runCell } from '../cell/run-cell.ts';
import { startEngine } from '../cell/start-engine.ts';
import type { Plan } from '../plan/cell.ts';
import { withLock } from './claim-cell.ts';
import type { Attempter } from './executor.ts';

/** Does cells in this process. */
export async function cellRunner(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  retryFailed: boolean,
): Promise<Attempter> {
  const engine = await startEngine(plan);
  const { threads, recompute } = plan.engine;
  return {
    attempt: (run, events, signal, companion) =>
      withLock(plan.results, run, retryFailed, events.onNote, (place, lock) => {
        events.onStart();
        const options = { events, signal, lock, ...(companion && { companion }) };
        return runCell({ ...run, place }, { engine, code, threads, recompute }, options);
      }),
    end: () => Promise.resolve(),
  };
}
