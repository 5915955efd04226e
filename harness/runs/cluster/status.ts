/**
 * The state of every cell and evaluation of a results folder, by records, locks, unfinished work and Slurm; it
 * only reads.
 */
import { join } from 'node:path';
import { UsageError } from '../../support/errors.ts';
import { isThere, readBytes } from '../../support/read-files.ts';
import { collectEvaluations } from '../../records/read-evaluations.ts';
import { collectRecords, resultsFiles, type Untrusted } from '../../records/read-records.ts';
import { lostEvaluation, lostProcess } from '../execute/out-of-memory.ts';
import { readLock } from '../../records/locks/file-lock.ts';
import { readBatches, taskStates, type SubmittedBatch, type TaskState } from './slurm.ts';
import { besideRecord, workFolder } from '../../records/record-files.ts';

/**
 * The state of a cell: `stopped` has begun and no process does it, `missing` was submitted and never began,
 * `unknown` has a lock that cannot be read.
 */
export type CellState = 'done' | 'running' | 'queued' | 'stopped' | 'missing' | 'failed' | 'unknown';

export interface CellStatus {
  readonly kind: 'run' | 'evaluation';
  /** Where its record lies or will lie, below the results folder. */
  readonly path: string;
  /** Undefined where only a lock or unfinished work tells of the cell. */
  readonly identity: string | undefined;
  readonly state: CellState;
  /** The process that does it, what it waits for, or why it failed. */
  readonly why: string;
}

/**
 * Finds the state of every cell and evaluation that has a record, has begun or was submitted to Slurm; throws
 * UsageError where there is no such folder.
 */
export async function resultsStatus(
  results: string,
): Promise<{ cells: CellStatus[]; untrusted: Untrusted[] }> {
  // Records are read last, as they are written last: a cell that ends meanwhile must not seem to be missing.
  const batches: { batch: SubmittedBatch; states: Map<number, TaskState> }[] = [];
  // The folder is read first, since this throws where there is none.
  const begun = await begunCells(results);
  const submitted = await readBatches(results);
  for (const batch of submitted.batches) {
    const states = batch.job === undefined ? new Map<number, TaskState>() : await taskStates(batch.job);
    batches.push({ batch, states });
  }
  const { records, untrusted } = await collectRecords(results);
  const evaluated = await collectEvaluations(results);
  const cells = new Map<string, CellStatus>();
  for (const { path, record } of [...records, ...evaluated.records]) {
    const { identity, status, error } = record;
    const why = error ? `${error.name}: ${error.message}` : '';
    const state = status === 'failed' ? 'failed' : 'done';
    cells.set(identity, { kind: kindOf(path), path, identity, state, why });
  }
  // Batches are in the order of time, so that a later one overrules an earlier one.
  for (const { batch, states } of batches) {
    for (const [task, planned] of batch.tasks.entries()) {
      for (const { path, identity } of planned) {
        const known = cells.get(identity);
        if (known?.state === 'done' || known?.state === 'running') continue;
        const own = await stateByTask(results, path, batch, task, states.get(task));
        // A failed record stays what it is until another try is under way.
        if (known?.state !== 'failed' || own.state === 'queued' || own.state === 'running') {
          cells.set(identity, { kind: kindOf(path), path, identity, ...own });
        }
      }
    }
  }
  const knownPaths = new Set([...cells.values()].map(({ path }) => path));
  for (const cell of begun) {
    if (!knownPaths.has(cell.path)) cells.set(cell.path, cell);
  }
  return {
    cells: [...cells.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    untrusted: [...submitted.untrusted, ...untrusted, ...evaluated.untrusted],
  };
}

/** The state of a cell without its address. */
type State = Pick<CellStatus, 'state' | 'why'>;

/** The state of a cell by its lock, else by its Slurm task. */
async function stateByTask(
  results: string,
  path: string,
  batch: SubmittedBatch,
  task: number,
  found: TaskState | undefined,
): Promise<State> {
  const running = await stateByLock(results, path);
  if (running) return running;
  const name = `Slurm task ${batch.job ?? '?'}_${task}`;
  if (found && /^(PENDING|REQUEUED|SUSPENDED|REQUEUE_HOLD)$/.test(found.state)) {
    return { state: 'queued', why: `${name} waits (${found.reason})` };
  }
  if (found && /^(RUNNING|CONFIGURING|COMPLETING|STOPPED)$/.test(found.state)) {
    return { state: 'queued', why: `${name} runs and comes to it` };
  }
  const last = await lastLine(join(batch.folder, `${task}.out`));
  const how = found ? `ended as ${found.state}` : 'ended without a record';
  const begins = await isThere(workFolder(join(results, path)));
  const why = `${name} ${batch.job === undefined ? 'was never submitted' : how}${last && `: ${last}`}`;
  return { state: begins ? 'stopped' : 'missing', why };
}

/** The process that does a cell now, by its lock; undefined where none does. */
async function stateByLock(results: string, path: string): Promise<State | undefined> {
  let lock: Awaited<ReturnType<typeof readLock>>;
  try {
    lock = await readLock(besideRecord(join(results, path), 'lock'));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    return { state: 'unknown', why: error.message };
  }
  if (!lock?.isAlive) return undefined;
  const { owner } = lock;
  return { state: 'running', why: owner ? `${owner.host}, process ${owner.pid}, since ${owner.since}` : '' };
}

const kindOf = (path: string): CellStatus['kind'] => (path.startsWith('evaluations/') ? 'evaluation' : 'run');

/** The names beside records that tell of a run or an evaluation that has begun, without their endings. */
const begunNames = [
  /^((?:.*\/)?seed-\d+(?:~[0-9a-f]+)?)\.(?:lock|work)$/,
  /^(evaluations\/.*~[0-9a-f]{8})\.(?:lock|work\.jsonl)$/,
];

/** The cells and evaluations that have a lock or unfinished work. */
async function begunCells(results: string): Promise<CellStatus[]> {
  const { files, work } = await resultsFiles(results);
  const paths = [...files, ...work].flatMap((path) =>
    begunNames.flatMap((pattern) => pattern.exec(path)?.[1] ?? []),
  );
  const cells: CellStatus[] = [];
  for (const path of new Set(paths.map((path) => `${path}.json`))) {
    const own = (await stateByLock(results, path)) ?? (await stopped(results, path));
    cells.push({ kind: kindOf(path), path, identity: undefined, ...own });
  }
  return cells;
}

async function stopped(results: string, path: string): Promise<State> {
  const find = kindOf(path) === 'run' ? lostProcess : lostEvaluation;
  const lost = await find(join(results, path));
  return {
    state: 'stopped',
    why: lost === undefined ? 'the same command goes on' : `${lost}; the same command tries it last`,
  };
}

async function lastLine(path: string): Promise<string> {
  const text = await readBytes(path).then(String, () => '');
  return text.trimEnd().split('\n').at(-1) ?? '';
}
