/** Starts what executes cells: this process, child processes (`--jobs`), or both. */
import type { RunRecord } from '../../records/record.ts';
import type { Plan } from '../plan/cell.ts';
import type { CellExecutor, ExecuteOptions } from './executor.ts';
import { startInProcess } from './in-process.ts';
import { memoryNeed, wasKilled } from './out-of-memory.ts';

/**
 * Starts an executor. A cell whose last process was killed gets a process of its own, so that this one
 * survives if it happens again. Throws UsageError where the engine does not run.
 */
export async function startExecutor(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { jobs = 1, requestOf, retryFailed }: Pick<ExecuteOptions, 'jobs' | 'requestOf' | 'retryFailed'>,
): Promise<CellExecutor> {
  if (!requestOf) return startInProcess(plan, code, retryFailed);
  const { startJobPool } = await import('./job-pool.ts');
  const children = startJobPool(plan, code, { count: jobs, requestOf, retryFailed });
  const usual = jobs > 1 ? children : await startInProcess(plan, code, retryFailed);
  return {
    async execute(run, events, ...rest) {
      if (!(await wasKilled(run.place.path))) return usual.execute(run, events, ...rest);
      events.onNote(
        `${run.place.path}: its last process was ended by force before it had saved anything, ` +
          `most likely for want of memory: ${memoryNeed(run)}. ` +
          `It begins again, after all others and in a process of its own.`,
      );
      return children.execute(run, events, ...rest);
    },
    close: () => children.close(),
  };
}
