/** Starts what executes cells: this process, child processes (`--jobs`), or both. */
import type { RunRecord } from '../../records/record.ts';
import type { Plan } from '../plan/cell.ts';
import type { CellExecutor, ExecuteOptions } from './executor.ts';
import { startInProcess } from './in-process.ts';
import { memoryNeed } from '../memory/cell-memory.ts';
import { memoryRisk } from './out-of-memory.ts';

type StartOptions = Pick<ExecuteOptions, 'jobs' | 'requestOf' | 'retryFailed' | 'again'>;

/**
 * Starts an executor. A cell whose process may be killed for want of memory gets a process of its own, so
 * that this one survives. Throws UsageError where the engine does not run.
 */
export async function startExecutor(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { jobs = 1, requestOf, retryFailed, again = false }: StartOptions,
): Promise<CellExecutor> {
  if (!requestOf) return startInProcess(plan, code, { retryFailed, again });
  const { startJobPool } = await import('./job-pool.ts');
  const children = startJobPool(plan, code, { count: jobs, requestOf, retryFailed });
  const usual = jobs > 1 ? children : await startInProcess(plan, code, { retryFailed, again });
  return {
    async execute(run, events, ...rest) {
      const risk = await memoryRisk(run, plan.engine.recompute);
      if (risk === undefined) return usual.execute(run, events, ...rest);
      events.onNote(
        `${run.place.path}: ${risk}: ${memoryNeed(run)}. ` +
          'It runs after all others and in a process of its own.',
      );
      return children.execute(run, events, ...rest);
    },
    close: () => children.close(),
  };
}
