/**
 * The program of a task of a Slurm job array: it does the runs or the evaluations of the task and tells of them
 * in its output file. Usage: slurm-process BATCH NUMBER. They cannot be written to a file, since tasks and
 * methods are functions: the batch holds the request, from which this process plans again, and their
 * identities, which must agree.
 */
import { availableParallelism } from 'node:os';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { evaluate } from '../evaluate/evaluate.ts';
import { evaluateRuns, findRunEvaluations } from '../evaluate/evaluate-runs.ts';
import { planEvaluations } from '../evaluate/plan-evaluations.ts';
import { executePlan } from '../execute/execute-plan.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { readBatch, type Batch, type BatchPiece } from './slurm.ts';

/** Writes a line to the task's output file. */
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const controller = new AbortController();
const { signal } = controller;
process.on('SIGTERM', () => {
  controller.abort(new Interrupted('Slurm ends the task'));
});

/** Reports evaluations, a line for each that ends. */
const evaluationEvents: Parameters<typeof evaluate>[2]['events'] = {
  onProgress: () => undefined,
  onEnd(record, path) {
    say(record.error ? `failed: ${record.error.message} (${path})` : `evaluated (${path})`);
  },
  onNote: say,
};

/** What ended, with its record. */
type Ended = readonly { readonly record: { readonly status: string } }[];

/** Throws UsageError where something has another identity than what was submitted. */
function checkIdentities(
  found: readonly { readonly identity: string }[],
  pieces: readonly BatchPiece[],
): void {
  const planned = new Set(pieces.map(({ identity }) => identity));
  if (found.some(({ identity }) => !planned.has(identity)))
    throw new UsageError(
      'The code, the data or the base changed after the job was submitted; submit what is missing again.',
    );
}

/** Does runs, and evaluates what they trained. */
async function doRuns(
  { request, retryFailed }: Extract<Batch, { kind: 'runs' }>,
  pieces: readonly BatchPiece[],
  threads: number,
): Promise<Ended> {
  const plan = await planRuns({ ...request, threads }, await loadMethods(), await loadTasks());
  const own = { ...plan, cells: pieces.flatMap(({ index }) => plan.cells.slice(index, index + 1)) };
  const outcomes = await executePlan(own, {
    signal,
    retryFailed,
    requestOf: () => ({ ...request, threads }),
    batchSeeds: request.batchSeeds,
    events: {
      onStart({ task, model, variant, seed }, _, done, total) {
        say(`[${done}/${total}] ${task.name} · ${model} · ${variant.label} · seed ${seed}`);
      },
      onProgress: () => undefined,
      onEnd(record, path) {
        say(
          record.error
            ? `failed: ${record.error.name}: ${record.error.message} (${path})`
            : `finished (${path})`,
        );
      },
      onNote: say,
    },
  });
  checkIdentities(
    outcomes.map(({ record }) => record),
    pieces,
  );
  const evaluations = await findRunEvaluations(own, request, { onNote: say, signal });
  const evaluated = await evaluateRuns(
    outcomes,
    evaluations,
    { ...request, threads },
    { signal, retryFailed, events: evaluationEvents },
  );
  return [...outcomes, ...evaluated.flatMap((one) => one.evaluated)];
}

/** Does evaluations of a base, an adapter or a run. */
async function doEvaluations(
  { request, retryFailed }: Extract<Batch, { kind: 'evaluations' }>,
  pieces: readonly BatchPiece[],
  threads: number,
): Promise<Ended> {
  const own = { ...request, threads };
  const plan = await planEvaluations(own, { signal, onNote: say });
  const mine = pieces.flatMap(({ index }) => plan.pieces.slice(index, index + 1));
  checkIdentities(mine, pieces);
  return evaluate({ ...plan, pieces: mine }, own, { signal, retryFailed, events: evaluationEvents });
}

const [folder = '', number = ''] = process.argv.slice(2);
try {
  const batch = await readBatch(folder);
  const { tasks, request } = batch;
  const pieces = tasks[Number(number)];
  if (!pieces) throw new UsageError(`${folder} has no task ${number}.`);
  const threads = request.threads ?? (Number(process.env.SLURM_CPUS_PER_TASK) || availableParallelism());
  const ended =
    batch.kind === 'runs'
      ? await doRuns(batch, pieces, threads)
      : await doEvaluations(batch, pieces, threads);
  if (ended.some(({ record }) => record.status === 'failed')) process.exitCode = 1;
} catch (error) {
  say(error instanceof Error ? `error: ${error.message}` : String(error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
