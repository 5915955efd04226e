import { randomUUID } from 'node:crypto';
import { chmod, readdir, readFile, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { execa } from 'execa';
import { z } from 'zod';
import { makeFolder, writeFileAtomic } from '../data/atomic.ts';
import { didYouMean, errorCode, UsageError } from '../data/errors.ts';
import { splitSetting } from './options.ts';
import type { Plan, RunRequest } from './plan.ts';
import { prepareCells, type PreparedCell } from './prepare.ts';

/** What a task of a job array asks of the cluster; Slurm's own default where absent. */
export interface SlurmOptions {
  readonly partition?: string;
  /** As sbatch takes it: `2:00:00`. */
  readonly time?: string;
  /** GPUs of a task. */
  readonly gpus?: string;
  /** Of a task, as sbatch takes it: `16G`. */
  readonly memory?: string;
  /** Cells of a task, one after the other. */
  readonly cells?: string;
}

const known = ['partition', 'time', 'gpus', 'memory', 'cells'] as const;
/** Slurm's default MaxArraySize is 1001. */
const largestArray = 1000;

/** Reads `key=value` each; throws UsageError on what does not exist. */
export function parseSlurmOptions(texts: readonly string[]): SlurmOptions {
  const options: Partial<Record<(typeof known)[number], string>> = {};
  for (const text of texts) {
    const { key, value } = splitSetting(text);
    const name = known.find((each) => each === key);
    if (!name) {
      throw new UsageError(`--slurm has no ${key}.${didYouMean(key, known)} It has: ${known.join(', ')}.`);
    }
    const isNumber = name === 'gpus' || name === 'cells';
    if (isNumber ? !/^[1-9]\d*$/.test(value) : !/^[\w:.,-]+$/.test(value)) {
      throw new UsageError(`--slurm ${text}: ${isNumber ? 'give a whole number from 1 on' : 'give it as sbatch takes it'}.`); // prettier-ignore
    }
    options[name] = value;
  }
  return options;
}

const batchSchema = z.strictObject({
  schema: z.literal(1),
  /** As planRuns takes it; what it names by a relative path lies below `directory`. */
  request: z.custom<RunRequest>((value) => typeof value === 'object' && value !== null),
  directory: z.string(),
  retryFailed: z.boolean(),
  /** The cells of each task: their place in the plan, their identity and where the record will lie, below the results. */
  tasks: z.array(
    z.array(z.strictObject({ index: z.int().min(0), identity: z.string(), path: z.string() })).min(1),
  ),
});
/** A job array as it lies in the results folder. */
export type Batch = z.infer<typeof batchSchema>;

/** A batch that Slurm has. */
export interface SubmittedBatch extends Batch {
  readonly folder: string;
  /** Slurm's id of the array; undefined where submitting was cut off. */
  readonly job: string | undefined;
}

const batchesFolder = (results: string): string => join(results, '.slurm');

/** Reads a batch's file; throws UsageError where it is none. */
export async function readBatch(folder: string): Promise<SubmittedBatch> {
  const path = join(folder, 'batch.json');
  try {
    const batch = batchSchema.parse(JSON.parse(await readFile(path, 'utf8')));
    const job = await readFile(join(folder, 'job'), 'utf8').catch(() => undefined);
    return { ...batch, folder, job: job?.trim() };
  } catch (error) {
    throw new UsageError(`${path} is not what --launcher slurm wrote.`, { cause: error });
  }
}

/** The batches of a results folder, oldest first. */
export async function readBatches(results: string): Promise<SubmittedBatch[]> {
  const names = await readdir(batchesFolder(results)).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw error;
  });
  return Promise.all(names.sort().map((name) => readBatch(join(batchesFolder(results), name))));
}

/**
 * Submits the cells of a plan that `isWanted` as an array of Slurm tasks, which share the results folder; undefined where no cell is
 * left. Throws UsageError where Slurm is not there or refuses.
 */
export async function submitBatch(
  plan: Plan,
  request: RunRequest,
  options: SlurmOptions,
  { retryFailed, isWanted }: { retryFailed: boolean; isWanted(run: PreparedCell): boolean },
): Promise<{ job: string; tasks: number; cells: number; folder: string } | undefined> {
  const wanted = (await prepareCells(plan)).filter(isWanted);
  if (wanted.length === 0) return undefined;
  const cells = wanted.map(({ cell, identity, place }) => ({
    ...{ index: plan.cells.indexOf(cell), identity },
    path: relative(plan.results, place.path),
  }));
  const size = Math.max(Number(options.cells ?? 1), Math.ceil(cells.length / largestArray));
  const tasks = Array.from({ length: Math.ceil(cells.length / size) }, (_, i) => cells.slice(i * size, (i + 1) * size)); // prettier-ignore
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const folder = join(batchesFolder(plan.results), `${time}-${randomUUID().slice(0, 8)}`);
  await makeFolder(folder);
  const directory = process.cwd();
  const batch: Batch = {
    schema: 1,
    request: { ...request, results: plan.results },
    directory,
    retryFailed,
    tasks,
  };
  await writeFileAtomic(join(folder, 'batch.json'), `${JSON.stringify(batch, undefined, 2)}\n`);
  const script = join(folder, 'task.sh');
  await writeFileAtomic(script, taskScript(folder, directory));
  await chmod(script, 0o755);
  const args = [
    `--array=0-${tasks.length - 1}`,
    '--job-name=deltabench',
    `--output=${join(folder, '%a.out')}`,
    '--open-mode=append',
    // A minute to save a checkpoint before the time is up.
    '--signal=B:TERM@60',
    ...(options.partition ? [`--partition=${options.partition}`] : []),
    ...(options.time ? [`--time=${options.time}`] : []),
    ...(options.gpus ? [`--gres=gpu:${options.gpus}`] : []),
    ...(options.memory ? [`--mem=${options.memory}`] : []),
    ...(request.threads ? [`--cpus-per-task=${request.threads}`] : []),
  ];
  const job = await sbatch(script, args).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  await writeFileAtomic(join(folder, 'job'), `${job}\n`);
  return { job, tasks: tasks.length, cells: cells.length, folder };
}

function taskScript(folder: string, directory: string): string {
  const task = fileURLToPath(new URL('slurm-task.ts', import.meta.url));
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  // exec, so that Slurm's signals reach Node.
  return `#!/bin/sh
cd ${quoted(directory)} || exit 1
exec ${quoted(process.execPath)} --import ${quoted(import.meta.resolve('tsx'))} ${quoted(task)} ${quoted(folder)} "$SLURM_ARRAY_TASK_ID"
`;
}

/** What is said where Slurm is not. */
export const noSbatch =
  '--launcher slurm needs sbatch, which is not here; run it where Slurm jobs are submitted.';

async function sbatch(script: string, args: readonly string[]): Promise<string> {
  const result = await execa('sbatch', ['--parsable', ...args, script], { reject: false });
  if (result.code === 'ENOENT') {
    throw new UsageError(noSbatch);
  }
  // With clusters, `id;cluster`.
  const [job = ''] = result.stdout.trim().split(';');
  if (result.exitCode === 0 && /^\d+$/.test(job)) return job;
  const reason = result.stderr.trim().split('\n').at(-1)?.replace(/^sbatch: (error: )?/, ''); // prettier-ignore
  throw new UsageError(`Slurm refuses the job: ${reason ?? 'sbatch does not say why'}.`);
}

/** What Slurm says of a task. */
export interface TaskState {
  /** Such as PENDING, RUNNING, TIMEOUT. */
  readonly state: string;
  /** Why it waits, as Slurm writes it. */
  readonly reason: string;
}

/** The state of each task of a job array by its number; without those that Slurm has forgotten, and empty where it is not here. */
export async function taskStates(job: string): Promise<Map<number, TaskState>> {
  const states = new Map<number, TaskState>();
  const keep = (id: string | undefined, state: string | undefined, reason = ''): void => {
    const task = /^\d+_(\d+)$/.exec(id ?? '')?.[1];
    if (task !== undefined && state) states.set(Number(task), { state: state.split(' ')[0]!, reason });
  };
  // Where accounting is set up, it knows of tasks that the queue has forgotten.
  const ended = await execa('sacct', ['--noheader', '--parsable2', '--allocations', '--array', `--jobs=${job}`, '--format=JobID,State'], { reject: false }); // prettier-ignore
  if (ended.exitCode === 0)
    for (const line of ended.stdout.split('\n')) keep(...(line.split('|') as [string, string]));
  const queue = await execa('squeue', ['--noheader', '--array', '--states=all', `--jobs=${job}`, '--format=%i|%T|%r'], { reject: false }); // prettier-ignore
  if (queue.exitCode === 0)
    for (const line of queue.stdout.split('\n')) keep(...(line.split('|') as [string, string, string]));
  return states;
}
