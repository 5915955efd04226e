/**
 * Runs and evaluations as job arrays of Slurm: writes a batch beside the results, submits it, and asks Slurm
 * for the states of its tasks.
 */
import { randomUUID } from 'node:crypto';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { programArguments } from '../../support/child-programs.ts';
import { didYouMean, errorCode, UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { isObject } from '../../support/json/json-object.ts';
import { loadExeca } from '../../support/load-execa.ts';
import type { Untrusted } from '../../records/read-records.ts';
import { splitSetting } from '../plan/variants/option-values.ts';
import type { EvaluateRequest } from '../evaluate/plan-evaluations.ts';
import type { RunRequest } from '../plan/cell.ts';

/** What a task of a job array asks of the cluster; Slurm's own default where absent. */
export interface SlurmOptions {
  readonly partition?: string;
  /** The time of a task as sbatch takes it: `2:00:00`. */
  readonly time?: string;
  /** GPUs of a task. */
  readonly gpus?: string;
  /** Memory of a task as sbatch takes it: `16G`. */
  readonly memory?: string;
  /** How many runs or evaluations a task does, one after the other; more where seeds are trained together. */
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
      const remedy = isNumber ? 'give a whole number from 1 on' : 'give it as sbatch takes it';
      throw new UsageError(`--slurm ${text}: ${remedy}.`);
    }
    options[name] = value;
  }
  return options;
}

/** A run or an evaluation: its place in the plan, its identity, and its record's path below the results. */
const pieceSchema = z.strictObject({ index: z.int().min(0), identity: z.string(), path: z.string() });
export type BatchPiece = z.infer<typeof pieceSchema>;

const common = {
  schema: z.literal(1),
  /** Where relative paths of the request begin. */
  directory: z.string(),
  retryFailed: z.boolean(),
  /** What each task of the array does. */
  tasks: z.array(z.array(pieceSchema).min(1)),
};
const batchSchema = z.union([
  // Batches of earlier versions are of runs and say nothing of it.
  z.strictObject({
    ...common,
    kind: z.literal('runs').default('runs'),
    request: z.custom<RunRequest>(isObject),
  }),
  z.strictObject({
    ...common,
    kind: z.literal('evaluations'),
    request: z.custom<EvaluateRequest>(isObject),
  }),
]);
/** A job array as it lies in the results folder. */
export type Batch = z.infer<typeof batchSchema>;

/** A batch that Slurm has. */
export type SubmittedBatch = Batch & {
  readonly folder: string;
  /** Slurm's id of the array; undefined where submitting was cut off. */
  readonly job: string | undefined;
};

const batchesFolder = (results: string): string => join(results, '.slurm');

/** Reads a batch's file; throws UsageError where it is none. */
export async function readBatch(folder: string): Promise<SubmittedBatch> {
  const path = join(folder, 'batch.json');
  try {
    const batch = batchSchema.parse(JSON.parse(String(await readBytes(path))));
    const job = await readBytes(join(folder, 'job')).then(String, () => undefined);
    return { ...batch, folder, job: job?.trim() };
  } catch (error) {
    throw new UsageError(`${path} is not what --launcher slurm wrote.`, { cause: error });
  }
}

/** The batches of a results folder, oldest first, and those that cannot be read. */
export async function readBatches(
  results: string,
): Promise<{ batches: SubmittedBatch[]; untrusted: Untrusted[] }> {
  const [batches, untrusted] = [[] as SubmittedBatch[], [] as Untrusted[]];
  const names = await readdir(batchesFolder(results)).catch((error: unknown) => {
    if (errorCode(error) !== 'ENOENT') {
      untrusted.push({
        path: '.slurm',
        reason: `it cannot be read (${errorCode(error) ?? 'unknown error'})`,
      });
    }
    return [];
  });
  // A batch that is not whole yet has a name that begins with a dot.
  for (const name of names.sort().filter((each) => !each.startsWith('.'))) {
    const folder = join(batchesFolder(results), name);
    try {
      batches.push(await readBatch(folder));
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      untrusted.push({
        path: `.slurm/${name}`,
        reason: 'it holds no batch.json that --launcher slurm wrote',
      });
    }
  }
  return { batches, untrusted };
}

/** What is submitted: the request, from which each task plans again, and what is to be done of it. */
export type Submission = Pick<Batch, 'kind' | 'request' | 'retryFailed'> & {
  /** What is done together is of one group. */
  readonly groups: readonly (readonly BatchPiece[])[];
};

/**
 * Divides groups of what is to be done into the tasks of an array: each but the last has as many whole groups
 * as make `cells` pieces or more.
 */
export function divideIntoTasks<Piece>(
  groups: readonly (readonly Piece[])[],
  { cells = '1' }: SlurmOptions,
): Piece[][] {
  const size = Math.max(Number(cells), Math.ceil(groups.flat().length / largestArray));
  const tasks: Piece[][] = [];
  for (const group of groups) {
    const last = tasks.at(-1);
    if (last && last.length < size) last.push(...group);
    else tasks.push([...group]);
  }
  return tasks;
}

/** A job that was submitted: its id at Slurm, its numbers of tasks and pieces, and the folder of their output. */
export interface Submitted {
  readonly job: string;
  readonly tasks: number;
  readonly cells: number;
  readonly folder: string;
}

/**
 * Submits groups of pieces of a plan as an array of Slurm tasks, which share the folder `results`; undefined
 * where there are none. Throws UsageError where Slurm is not there or refuses.
 */
export async function submitBatch(
  { groups, ...submission }: Submission,
  results: string,
  options: SlurmOptions,
): Promise<Submitted | undefined> {
  checkFolder(results);
  if (groups.length === 0) return undefined;
  const tasks = divideIntoTasks(groups, options);
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const folder = join(batchesFolder(results), `${time}-${randomUUID().slice(0, 8)}`);
  const directory = process.cwd();
  const request = { ...submission.request, results };
  const batch = { ...submission, schema: 1, request, directory, tasks };
  await writeFolderAtomic(folder, async (temporary) => {
    await writeFileAtomic(join(temporary, 'batch.json'), `${JSON.stringify(batch, undefined, 2)}\n`);
    const script = join(temporary, 'task.sh');
    await writeFileAtomic(script, taskScript(folder, directory));
    await chmod(script, 0o755);
  });
  const args = [
    `--array=0-${tasks.length - 1}`,
    '--job-name=deltabench',
    `--output=${outputPattern(folder)}`,
    '--open-mode=append',
    // A minute to save a checkpoint before the time is up.
    '--signal=B:TERM@60',
    ...(options.partition ? [`--partition=${options.partition}`] : []),
    ...(options.time ? [`--time=${options.time}`] : []),
    ...(options.gpus ? [`--gres=gpu:${options.gpus}`] : []),
    ...(options.memory ? [`--mem=${options.memory}`] : []),
    ...(request.threads ? [`--cpus-per-task=${request.threads}`] : []),
  ];
  const job = await sbatch(join(folder, 'task.sh'), args).catch(async (error: unknown) => {
    await rm(folder, { recursive: true });
    throw error;
  });
  await writeFileAtomic(join(folder, 'job'), `${job}\n`);
  return { job, tasks: tasks.length, cells: groups.flat().length, folder };
}

/** The output file of each task, as a pattern of Slurm: %a is the task's number, %% a percent sign. */
function outputPattern(folder: string): string {
  return join(folder.replaceAll('%', '%%'), '%a.out');
}

/**
 * Throws UsageError for a folder with a backslash: Slurm then replaces no patterns, so that all tasks would
 * share one file.
 */
export function checkFolder(results: string): void {
  if (!results.includes('\\')) return;
  throw new UsageError(
    `--launcher slurm cannot use --results ${results}: ` +
      `Slurm takes the backslash in it for a sign of its own; choose a folder without one.`,
  );
}

function taskScript(folder: string, directory: string): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
  const command = [process.execPath, ...programArguments('slurm-process', import.meta.url), folder];
  // exec, so that Slurm's signals reach Node.
  return `#!/bin/sh
cd ${quoted(directory)} || exit 1
exec ${command.map(quoted).join(' ')} "$SLURM_ARRAY_TASK_ID"
`;
}

/** The message where Slurm is missing. */
const noSbatch = '--launcher slurm needs sbatch, which is not here; run it where Slurm jobs are submitted.';

/** Throws UsageError where jobs cannot be submitted. */
export async function checkSbatch(): Promise<void> {
  const execa = await loadExeca();
  const { code } = await execa('sbatch', ['--version'], { reject: false, stdin: 'ignore' });
  if (code === 'ENOENT') throw new UsageError(noSbatch);
}

async function sbatch(script: string, args: readonly string[]): Promise<string> {
  const execa = await loadExeca();
  const result = await execa('sbatch', ['--parsable', ...args, script], { reject: false });
  if (result.code === 'ENOENT') {
    throw new UsageError(noSbatch);
  }
  // Where there are several clusters, sbatch prints `id;cluster`.
  const [job = ''] = result.stdout.trim().split(';');
  if (result.exitCode === 0 && /^\d+$/.test(job)) return job;
  const lastLine = result.stderr.trim().split('\n').at(-1);
  const reason = lastLine?.replace(/^sbatch: (error: )?/, '');
  throw new UsageError(`Slurm refuses the job: ${reason ?? 'sbatch does not say why'}.`);
}

/** The state of a task as Slurm tells it. */
export interface TaskState {
  /** Such as PENDING, RUNNING, TIMEOUT. */
  readonly state: string;
  /** Why the task waits, as Slurm writes it. */
  readonly reason: string;
}

/**
 * The state of each task of a job array by its number, without tasks that Slurm has forgotten; empty where
 * Slurm is missing.
 */
export async function taskStates(job: string): Promise<Map<number, TaskState>> {
  const states = new Map<number, TaskState>();
  const keep = (id: string | undefined, state: string | undefined, reason = ''): void => {
    const task = /^\d+_(\d+)$/.exec(id ?? '')?.[1];
    if (task !== undefined && state) states.set(Number(task), { state: state.split(' ')[0]!, reason });
  };
  const execa = await loadExeca();
  // Where accounting is set up, it knows of tasks that the queue has forgotten.
  const accounting = ['--noheader', '--parsable2', '--allocations', '--array', '--format=JobID,State'];
  const ended = await execa('sacct', [...accounting, `--jobs=${job}`], { reject: false });
  if (ended.exitCode === 0)
    for (const line of ended.stdout.split('\n')) keep(...(line.split('|') as [string, string]));
  const columns = ['--noheader', '--array', '--states=all', '--format=%i|%T|%r'];
  const queue = await execa('squeue', [...columns, `--jobs=${job}`], { reject: false });
  if (queue.exitCode === 0)
    for (const line of queue.stdout.split('\n')) keep(...(line.split('|') as [string, string, string]));
  return states;
}
