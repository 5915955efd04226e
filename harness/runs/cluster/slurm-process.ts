/**
 * The program of a task of a Slurm job array: it does the cells of the task and tells of them in its output
 * file. Usage: slurm-process BATCH NUMBER. A cell cannot be written to a file, since its task and its methods
 * are functions: the batch holds the request, from which this process plans the cells again, and their
 * identities, which must agree.
 */
import { availableParallelism } from 'node:os';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { evaluateRuns, findRunEvaluations } from '../evaluate/evaluate-runs.ts';
import { executePlan } from '../execute/execute-plan.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { readBatch } from './slurm.ts';

/** Writes a line to the task's output file. */
const say = (text: string): void => {
  process.stdout.write(`${text}\n`);
};
const controller = new AbortController();
process.on('SIGTERM', () => {
  controller.abort(new Interrupted('Slurm ends the task'));
});

const [folder = '', number = ''] = process.argv.slice(2);
try {
  const { request, retryFailed, tasks } = await readBatch(folder);
  const cells = tasks[Number(number)];
  if (!cells) throw new UsageError(`${folder} has no task ${number}.`);
  const threads = request.threads ?? (Number(process.env.SLURM_CPUS_PER_TASK) || availableParallelism());
  const plan = await planRuns({ ...request, threads }, await loadMethods(), await loadTasks());
  const own = { ...plan, cells: cells.flatMap(({ index }) => plan.cells.slice(index, index + 1)) };
  const outcomes = await executePlan(own, {
    signal: controller.signal,
    retryFailed,
    requestOf: () => ({ ...request, threads }),
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
  const planned = new Set(cells.map(({ identity }) => identity));
  if (outcomes.some(({ record }) => !planned.has(record.identity))) {
    throw new UsageError(
      'The code, the data or the base changed after the job was submitted; submit what is missing again.',
    );
  }
  const evaluations = await findRunEvaluations(own, request, { onNote: say, signal: controller.signal });
  const evaluated = await evaluateRuns(
    outcomes,
    evaluations,
    { ...request, threads },
    {
      signal: controller.signal,
      retryFailed,
      events: {
        onProgress: () => undefined,
        onEnd(record, path) {
          say(record.error ? `failed: ${record.error.message} (${path})` : `evaluated (${path})`);
        },
        onNote: say,
      },
    },
  );
  const all = [...outcomes, ...evaluated.flatMap((one) => one.evaluated)];
  if (all.some(({ record }) => record.status === 'failed')) process.exitCode = 1;
} catch (error) {
  say(error instanceof Error ? `error: ${error.message}` : String(error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
}
