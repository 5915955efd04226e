/** Submits to Slurm what is missing of a plan and not under way; `run`, `tune` and `eval` use it. */
import { relative, resolve } from 'node:path';
import { checkWritable } from '../../records/record-files.ts';
import { isThere } from '../../support/read-files.ts';
import { runsToEvaluate, type RunEvaluations } from '../evaluate/evaluate-runs.ts';
import {
  isMissing,
  type EvaluateRequest,
  type EvaluationPiece,
  type EvaluationPlan,
} from '../evaluate/plan-evaluations.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import { groupBySeed } from '../execute/group-by-seed.ts';
import type { Plan, RunRequest } from '../plan/cell.ts';
import {
  checkFolder,
  checkSbatch,
  divideIntoTasks,
  parseSlurmOptions,
  submitBatch,
  type Submitted,
} from './slurm.ts';
import { resultsStatus } from './status.ts';

/**
 * Submits the cells of a plan that lack a record, or one of their evaluations, and are neither queued nor
 * running, if there are any; throws UsageError where Slurm is not there or refuses, or where seeds cannot be
 * trained together as asked.
 */
export async function submitMissing(
  plan: Plan,
  request: RunRequest,
  { retryFailed, ...options }: { readonly slurm: readonly string[]; readonly retryFailed: boolean },
  evaluations: readonly RunEvaluations[] = [],
): Promise<Submitted | undefined> {
  const slurm = parseSlurmOptions(options.slurm);
  await checkWritable(plan.results);
  const idle = await withoutUnderWay(await prepareCells(plan), plan.results);
  const outcomes = idle.flatMap(({ cell, place: { record, path } }) =>
    record ? [{ cell, record, path }] : [],
  );
  const toEvaluate = await runsToEvaluate(outcomes, evaluations, request, retryFailed);
  const isUntrained = ({ place: { record } }: PreparedCell): boolean =>
    record === undefined || (retryFailed && record.status === 'failed');
  const missing = idle.filter((run) => isUntrained(run) || toEvaluate.has(run.place.path));
  const together = request.batchSeeds ? groupBySeed(missing.filter(isUntrained)) : [];
  const alone = missing.filter((run) => !together.flat().includes(run));
  const groups = [...together, ...alone.map((run) => [run])].map((group) =>
    group.map(({ cell, identity, place }) => ({
      index: plan.cells.indexOf(cell),
      identity,
      path: relative(plan.results, place.path),
    })),
  );
  return submitBatch({ kind: 'runs', request, retryFailed, groups }, plan.results, slurm);
}

/**
 * Submits the evaluations of a plan that lack a finished record and are neither queued nor running, if there are
 * any; throws UsageError where Slurm is not there or refuses.
 */
export async function submitMissingEvaluations(
  plan: EvaluationPlan,
  request: EvaluateRequest,
  options: readonly string[],
): Promise<Submitted | undefined> {
  const slurm = parseSlurmOptions(options);
  const results = resolve(plan.results);
  await checkWritable(results);
  const groups = (await missingEvaluations(plan)).map((piece) => [
    {
      index: plan.pieces.indexOf(piece),
      identity: piece.identity,
      path: relative(results, piece.path),
    },
  ]);
  return submitBatch({ kind: 'evaluations', request, retryFailed: true, groups }, results, slurm);
}

/**
 * Says which evaluations would be submitted, by task of the job array; writes nothing. Throws UsageError where
 * Slurm is not there.
 */
export async function previewEvaluations(
  plan: EvaluationPlan,
  options: readonly string[],
): Promise<EvaluationPiece[][]> {
  const slurm = parseSlurmOptions(options);
  await checkSbatch();
  checkFolder(resolve(plan.results));
  return divideIntoTasks(
    (await missingEvaluations(plan)).map((piece) => [piece]),
    slurm,
  );
}

const missingEvaluations = (plan: EvaluationPlan): Promise<EvaluationPiece[]> =>
  withoutUnderWay(
    plan.pieces.filter((piece) => isMissing(piece, true)),
    resolve(plan.results),
  );

/** Pieces of a plan without those that are queued or running. */
async function withoutUnderWay<Piece extends { readonly identity: string }>(
  pieces: readonly Piece[],
  results: string,
): Promise<Piece[]> {
  if (!(await isThere(results))) return [...pieces];
  const { cells } = await resultsStatus(results);
  const underWay = new Set(
    cells.flatMap(({ state, identity }) => (state === 'running' || state === 'queued' ? [identity] : [])),
  );
  return pieces.filter(({ identity }) => !underWay.has(identity));
}
