/** Submits to Slurm what is missing of a plan and not under way; `run` and `tune` use it. */
import { checkWritable } from '../../records/record-files.ts';
import { lacksEvaluations, type RunEvaluations } from '../evaluate/evaluate-runs.ts';
import type { Plan, RunRequest } from '../plan/cell.ts';
import { parseSlurmOptions, submitBatch } from './slurm.ts';
import { resultsStatus } from './status.ts';

/** What was submitted, if anything was missing. */
export type Submitted = Awaited<ReturnType<typeof submitBatch>>;

/**
 * Submits the cells of a plan that lack a record, or one of their evaluations, and are neither queued nor
 * running; throws UsageError where Slurm is not there or refuses.
 */
export async function submitMissing(
  plan: Plan,
  request: RunRequest,
  options: readonly string[],
  retryFailed: boolean,
  evaluations: readonly RunEvaluations[] = [],
): Promise<Submitted> {
  const slurm = parseSlurmOptions(options);
  await checkWritable(plan.results);
  const { cells } = await resultsStatus(plan.results);
  const underWay = new Set(
    cells.flatMap(({ state, identity }) => (state === 'running' || state === 'queued' ? [identity] : [])),
  );
  const isLacking = lacksEvaluations(evaluations, request, retryFailed);
  return submitBatch(plan, request, slurm, {
    retryFailed,
    isMissing: async ({ cell, identity, place: { record, path } }) => {
      if (underWay.has(identity)) return false;
      if (record === undefined || (retryFailed && record.status === 'failed')) return true;
      return isLacking({ cell, record, path });
    },
  });
}
