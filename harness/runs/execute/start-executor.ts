/** Starts what executes cells: this process, child processes (`--jobs`), or both. */
import type { RunRecord } from '../../records/record.ts';
import type { Plan } from '../plan/cell.ts';
import type { CellExecutor, ExecuteOptions } from './executor.ts';
import { startInProcess } from './in-process.ts';
import { memoryNeed } from '../memory/cell-memory.ts';
import { memoryRisk } from './out-of-memory.ts';

type StartOptions = Pick<ExecuteOptions, 'jobs' | 'requestOf' | 'retryFailed' | 'again'>;

/**
 * Starts an executor. Cells whose process may be killed for want of memory get a process of their own, so
 * that this one survives. Throws UsageError where the engine does not run.
 */
export async function startExecutor(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { jobs = 1, requestOf, retryFailed, again = false }: StartOptions,
): Promise<CellExecutor> {
  if (!requestOf) return startInProcess(plan, code, { retryFailed, again });
  const startChildren = async (): Promise<CellExecutor> => {
    const { startJobPool } = await import('./job-pool.ts');
    return startJobPool(plan, code, { count: jobs, requestOf, retryFailed });
  };
  // Most runs need no child process, nor the modules that start one.
  let started: Promise<CellExecutor> | undefined;
  const children = (): Promise<CellExecutor> => (started ??= startChildren());
  const usual = await (jobs > 1 ? children() : startInProcess(plan, code, { retryFailed, again }));
  return {
    async execute(group, eventsOf, signal) {
      let isRisky = false;
      for (const run of group) {
        const risk = await memoryRisk(run, plan.engine.recompute);
        if (risk === undefined) continue;
        isRisky = true;
        eventsOf(run).onNote(
          `${run.place.path}: ${risk}: ${memoryNeed(run)}. ` +
            'It runs after all others and in a process of its own.',
        );
      }
      await (isRisky ? await children() : usual).execute(group, eventsOf, signal);
    },
    close: async () => (await started)?.close(),
  };
}
