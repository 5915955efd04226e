/** How the cells of a results folder are; it reads only, whatever lies there. */
import { join } from 'node:path';
import { UsageError } from '../../support/errors.ts';
import { isThere, readBytes } from '../../support/read-files.ts';
import { collectRecords, resultsFiles, type Untrusted } from '../../records/read-records.ts';
import { wasKilled } from '../execute/out-of-memory.ts';
import { readLock } from '../../records/file-lock.ts';
import { readBatches, taskStates, type SubmittedBatch, type TaskState } from './slurm.ts';
import { besideRecord, workFolder } from '../../records/record-files.ts';

/** How a cell is: `stopped` has begun and nobody is at it, `missing` was submitted and has come to nothing; `unknown` where its lock cannot be read. */
export type CellState = 'done' | 'running' | 'queued' | 'stopped' | 'missing' | 'failed' | 'unknown';

export interface CellStatus {
  /** Where its record lies or will lie, below the results folder. */
  readonly path: string;
  /** Undefined where only a lock or unfinished work tells of it. */
  readonly identity: string | undefined;
  readonly state: CellState;
  /** Who is at it, what it waits for, why it failed. */
  readonly why: string;
}

/** How every cell of a results folder is that has a record, has begun or was submitted to Slurm. Throws UsageError where there is no such folder. */
export async function resultsStatus(
  results: string,
): Promise<{ cells: CellStatus[]; untrusted: Untrusted[] }> {
  // Records come last in a cell's life and are read last: one that ends meanwhile must not seem to have come to nothing.
  const batches: { batch: SubmittedBatch; states: Map<number, TaskState> }[] = [];
  // First, because it says where there is no such folder.
  const begun = await begunCells(results);
  const submitted = await readBatches(results);
  for (const batch of submitted.batches) {
    const states = batch.job === undefined ? new Map<number, TaskState>() : await taskStates(batch.job);
    batches.push({ batch, states });
  }
  const { records, untrusted } = await collectRecords(results);
  const cells = new Map<string, CellStatus>();
  for (const { path, record } of records) {
    const { identity, status, error } = record;
    const why = error ? `${error.name}: ${error.message}` : '';
    cells.set(identity, { path, identity, state: status === 'failed' ? 'failed' : 'done', why });
  }
  // A later batch knows better.
  for (const { batch, states } of batches) {
    for (const [task, planned] of batch.tasks.entries()) {
      for (const { path, identity } of planned) {
        const before = cells.get(identity);
        if (before?.state === 'done' || before?.state === 'running') continue;
        const own = await ofTask(results, path, batch, task, states.get(task));
        // A failed record stays what it is until another try is under way.
        if (before?.state !== 'failed' || own.state === 'queued' || own.state === 'running') {
          cells.set(identity, { path, identity, ...own });
        }
      }
    }
  }
  const known = new Set([...cells.values()].map(({ path }) => path));
  for (const cell of begun) {
    if (!known.has(cell.path)) cells.set(cell.path, cell);
  }
  return {
    cells: [...cells.values()].sort((a, b) => (a.path < b.path ? -1 : 1)),
    untrusted: [...submitted.untrusted, ...untrusted],
  };
}

type Own = Pick<CellStatus, 'state' | 'why'>;

async function ofTask(
  results: string,
  path: string,
  batch: SubmittedBatch,
  task: number,
  found: TaskState | undefined,
): Promise<Own> {
  const running = await beingDone(results, path);
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

/** Who is at a cell now. */
async function beingDone(results: string, path: string): Promise<Own | undefined> {
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

/** Cells of which there is a lock or unfinished work. */
async function begunCells(results: string): Promise<CellStatus[]> {
  const { files, work } = await resultsFiles(results);
  const paths = [...files, ...work].flatMap(
    (path) => /^((?:.*\/)?seed-\d+(?:~[0-9a-f]+)?)\.(?:lock|work)$/.exec(path)?.[1] ?? [],
  );
  const cells: CellStatus[] = [];
  for (const path of new Set(paths.map((path) => `${path}.json`))) {
    const own = (await beingDone(results, path)) ?? (await stopped(join(results, path)));
    cells.push({ path, identity: undefined, ...own });
  }
  return cells;
}

async function stopped(path: string): Promise<Own> {
  const why = (await wasKilled(path))
    ? 'its process was killed before it had saved anything, most likely for want of memory; the same command tries it last'
    : 'the same command goes on';
  return { state: 'stopped', why };
}

async function lastLine(path: string): Promise<string> {
  const text = await readBytes(path).then(String, () => '');
  return text.trimEnd().split('\n').at(-1) ?? '';
}
