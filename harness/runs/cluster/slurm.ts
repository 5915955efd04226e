/**
 * Sweeps as job arrays of Slurm: writes a batch beside the results, submits it, and asks Slurm for the states
 * of its tasks.
 */
import { randomUUID } from 'node:crypto';
import { chmod, readdir, rm } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { z } from 'zod';
import { writeFileAtomic, writeFolderAtomic } from '../../support/atomic-files.ts';
import { programArguments } from '../../support/child-programs.ts';
import { didYouMean, errorCode, UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import type { Untrusted } from '../../records/read-records.ts';
import { splitSetting } from '../plan/option-values.ts';
import type { Plan, RunRequest } from '../plan/cell.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';

/** What a task of a job array asks of the cluster; Slurm's own default where absent. */
export interface SlurmOptions {
  readonly partition?: string;
  /** The time of a task as sbatch takes it: `2:00:00`. */
  readonly time?: string;
  /** GPUs of a task. */
  readonly gpus?: string;
  /** Memory of a task as sbatch takes it: `16G`. */
  readonly memory?: string;
  /** How many cells a task does, one after the other. */
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

const batchSchema = z.strictObject({
  schema: z.literal(1),
  /** The request as planRuns takes it; its relative paths begin at `directory`. */
  request: z.custom<RunRequest>((value) => typeof value === 'object' && value !== null),
  directory: z.string(),
  retryFailed: z.boolean(),
  /**
   * The cells of each task: their place in the plan, their identity and where the record will lie, below the
   * results.
   */
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

/**
 * Submits the `missing` cells of a plan as an array of Slurm tasks, which share the results folder;
 * undefined where no cell is left. Throws UsageError where Slurm is not there or refuses.
 */
export async function submitBatch(
  plan: Plan,
  request: RunRequest,
  options: SlurmOptions,
  { retryFailed, missing }: { retryFailed: boolean; missing: readonly PreparedCell[] },
): Promise<{ job: string; tasks: number; cells: number; folder: string } | undefined> {
  checkFolder(plan.results);
  if (missing.length === 0) return undefined;
  const cells = missing.map(({ cell, identity, place }) => ({
    index: plan.cells.indexOf(cell),
    identity,
    path: relative(plan.results, place.path),
  }));
  const size = Math.max(Number(options.cells ?? 1), Math.ceil(cells.length / largestArray));
  const tasks = Array.from({ length: Math.ceil(cells.length / size) }, (_, i) =>
    cells.slice(i * size, (i + 1) * size),
  );
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, '');
  const folder = join(batchesFolder(plan.results), `${time}-${randomUUID().slice(0, 8)}`);
  const directory = process.cwd();
  const batch: Batch = {
    schema: 1,
    request: { ...request, results: plan.results },
    directory,
    retryFailed,
    tasks,
  };
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
  return { job, tasks: tasks.length, cells: cells.length, folder };
}

/** The output file of each task, as a pattern of Slurm: %a is the task's number, %% a percent sign. */
function outputPattern(folder: string): string {
  return join(folder.replaceAll('%', '%%'), '%a.out');
}

/**
 * Throws UsageError for a folder with a backslash: Slurm then replaces no patterns, so that all tasks would
 * share one file.
 */
function checkFolder(results: string): void {
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
export const noSbatch =
  '--launcher slurm needs sbatch, which is not here; run it where Slurm jobs are submitted.';

async function sbatch(script: string, args: readonly string[]): Promise<string> {
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
