/** Submits to Slurm what is missing of a plan and not under way; `run` and `tune` use it. */
import { checkWritable } from '../../records/record-files.ts';
import { runsToEvaluate, type RunEvaluations } from '../evaluate/evaluate-runs.ts';
import { prepareCells } from '../cell/prepare-cells.ts';
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
  const idle = (await prepareCells(plan)).filter(({ identity }) => !underWay.has(identity));
  const outcomes = idle.flatMap(({ cell, place: { record, path } }) =>
    record ? [{ cell, record, path }] : [],
  );
  const toEvaluate = await runsToEvaluate(outcomes, evaluations, request, retryFailed);
  const missing = idle.filter(
    ({ place: { record, path } }) =>
      record === undefined || (retryFailed && record.status === 'failed') || toEvaluate.has(path),
  );
  return submitBatch(plan, request, slurm, { retryFailed, missing });
}
