/**
 * Executes cells in child processes (`--jobs`), which live on from group to group. The cells of one that dies
 * are failed runs, and another takes its place. A child plans its cells again from the request: see
 * job-process.ts.
 */
import { readRecord, writeCrashRecord, type Place } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { programArguments } from '../../support/child-programs.ts';
import { UsageError } from '../../support/errors.ts';
import { makeRecord } from '../cell/make-record.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from '../plan/cell.ts';
import { recordUnderLock } from './claim-cell.ts';
import type { CellExecutor, RecordedCell } from './executor.ts';
import type { ToJob } from './job-messages.ts';
import { Job, JobPool, shareOfMachine, type JobEvents } from './job.ts';
import { memoryNeed } from '../memory/cell-memory.ts';
import { endedForMemory } from './out-of-memory.ts';

/** How many child processes there are, and what they do. */
export interface JobPoolOptions {
  readonly count: number;
  /** The request from which a child process plans the cell again. */
  requestOf(cell: Cell): RunRequest;
  readonly retryFailed: boolean;
}

/** Starts a pool of child processes; each is started when a cell needs it. */
export function startJobPool(
  { results, engine }: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { count, requestOf, retryFailed }: JobPoolOptions,
): CellExecutor {
  const share = shareOfMachine(engine.threads, count);
  const pool = new JobPool(() => {
    const job = new Job(programArguments('job-process', import.meta.url), share.heapMiB);
    job.tell({
      kind: 'begin',
      results,
      engine: {
        ...engine,
        threads: share.threads,
        ...(engine.memory !== undefined && { memory: share.memory }),
      },
      retryFailed,
    });
    return job;
  });
  return {
    async execute(group, eventsOf, signal) {
      const started = new Date();
      const message: ToJob = {
        kind: 'cells',
        request: requestOf(group[0]!.cell),
        cells: group.map(({ cell, identity }) => ({ address: addressOf(cell), identity })),
      };
      const open = new Set(group);
      const cellEvents = group.map(eventsOf);
      const events: JobEvents = {
        onStart: (at) => {
          cellEvents[at]!.onStart();
        },
        onProgress: (progress, at) => {
          cellEvents[at]!.onProgress(progress);
        },
        onNote: cellEvents[0]!.onNote,
        onRecord: async (path, at) => {
          open.delete(group[at]!);
          cellEvents[at]!.onEnd(await recordAt(path));
        },
      };
      const reason = await pool.run(message, events, signal);
      if (reason === undefined) return;
      const crash = { started, code, engine, threads: share.threads, reason };
      for (const run of open) {
        const { onNote, onEnd } = eventsOf(run);
        const record = (place: Place): Promise<RunRecord> => crashRecord({ ...run, place }, crash);
        const write = writeCrashRecord;
        const recorded = await recordUnderLock(results, run, { retryFailed }, onNote, record, write);
        if (recorded !== 'busy') onEnd(recorded);
      }
    },
    close: () => pool.close(),
  };
}

/** The record that a child process has written. */
async function recordAt(path: string): Promise<RecordedCell> {
  const read = await readRecord(path);
  if (read && 'record' in read) return { record: read.record, path };
  throw new UsageError(`${path} was written and cannot be read back: ${read?.reason ?? 'it is gone'}.`);
}

/** A process that died while it did a cell. */
interface Crash {
  readonly started: Date;
  readonly reason: string;
  readonly code: RunRecord['code'];
  readonly engine: Plan['engine'];
  readonly threads: number;
}

/** The record of a failed run whose process died. */
async function crashRecord(
  run: PreparedCell,
  { started, reason, code, engine, threads }: Crash,
): Promise<RunRecord> {
  const { name, device, recompute } = engine;
  const message = endedForMemory(reason)
    ? `${reason}, most likely for want of memory: ${memoryNeed(run)}`
    : reason;
  return makeRecord(run, {
    started,
    code,
    threads,
    error: { name: 'Crashed', message },
    results: { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} },
    peakMemoryBytes: 0,
    engine: { name, device: device ?? 'cpu', ...(recompute && { recompute }) },
  });
}
