/** Submits to Slurm what is missing of a plan and not under way; `run` and `tune` use it. */
import { checkWritable } from '../../records/record-files.ts';
import type { Plan, RunRequest } from '../plan/cell.ts';
import { parseSlurmOptions, submitBatch } from './slurm.ts';
import { resultsStatus } from './status.ts';

/** What was submitted, if anything was missing. */
export type Submitted = Awaited<ReturnType<typeof submitBatch>>;

/**
 * Submits the cells of a plan that have no record and are neither queued nor running; throws UsageError where
 * Slurm is not there or refuses.
 */
export async function submitMissing(
  plan: Plan,
  request: RunRequest,
  options: readonly string[],
  retryFailed: boolean,
): Promise<Submitted> {
  const slurm = parseSlurmOptions(options);
  await checkWritable(plan.results);
  const { cells } = await resultsStatus(plan.results);
  const underWay = new Set(
    cells.flatMap(({ state, identity }) => (state === 'running' || state === 'queued' ? [identity] : [])),
  );
  return submitBatch(plan, request, slurm, {
    retryFailed,
    isMissing: ({ identity, place: { record } }) =>
      !underWay.has(identity) && (record === undefined || (retryFailed && record.status === 'failed')),
  });
}
