/**
 * Executes cells in child processes (`--jobs`), which live on from cell to cell. One that dies is a failed
 * run, and another takes its place. A child plans its cell again from the request: see job-process.ts.
 */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { readRecord, writeCrashRecord, type Place } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { programArguments } from '../../support/child-programs.ts';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { makeRecord } from '../cell/make-record.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from '../plan/cell.ts';
import { recordUnderLock } from './claim-cell.ts';
import type { CellEvents, CellExecutor, RecordedCell } from './executor.ts';
import { fromJobSchema, type FromJob, type ToJob } from './job-messages.ts';
import { lacksMemory, memoryNeed, usableMemory } from './out-of-memory.ts';

/** Seconds that a child process may take to save and stop. */
const PATIENCE = 60;

/** How many child processes there are, and what they do. */
export interface JobPoolOptions {
  readonly count: number;
  /** The request from which a child process plans the cell again. */
  requestOf(cell: Cell): RunRequest;
  readonly retryFailed: boolean;
}

/** The threads of each of `count` child processes, and the mebibytes of its JavaScript heap. */
export function shareOfMachine(threads: number, count: number): { threads: number; heapMiB: number } {
  return {
    threads: Math.max(1, Math.floor(threads / count)),
    heapMiB: Math.max(512, Math.floor((0.75 * usableMemory()) / count / 2 ** 20)),
  };
}

/** Starts a pool of child processes; each is started when a cell needs it. */
export function startJobPool(
  { results, engine }: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { count, requestOf, retryFailed }: JobPoolOptions,
): CellExecutor {
  const share = shareOfMachine(engine.threads, count);
  const idle: Job[] = [];
  const start = (): Job => {
    const job = new Job(share.heapMiB);
    job.tell({ kind: 'begin', results, engine: { ...engine, threads: share.threads }, retryFailed });
    return job;
  };
  return {
    async execute(run, events, signal) {
      const job = idle.pop() ?? start();
      const started = new Date();
      const { cell, identity } = run;
      const request = { kind: 'cell', request: requestOf(cell), address: addressOf(cell), identity } as const;
      const end = await job.run(request, events, signal);
      if ('kind' in end) {
        idle.push(job);
        return resultOf(end);
      }
      if (signal.aborted) throw new Interrupted('stopped with its child process');
      const crash = { started, code, engine, threads: share.threads, reason: end.died };
      const record = (place: Place): Promise<RunRecord> => crashRecord({ ...run, place }, crash);
      return recordUnderLock(results, run, retryFailed, events.onNote, record, writeCrashRecord);
    },
    async close() {
      await Promise.all(idle.map((job) => job.end()));
    },
  };
}

/** The result of a cell by the last message of its process. */
async function resultOf(last: FromJob): Promise<RecordedCell | 'busy'> {
  if (last.kind === 'busy') return 'busy';
  if (last.kind === 'refused') throw new UsageError(last.message);
  if (last.kind !== 'done') throw new Interrupted('stopped in its child process');
  const read = await readRecord(last.path);
  if (read && 'record' in read) return { record: read.record, path: last.path };
  throw new UsageError(`${last.path} was written and cannot be read back: ${read?.reason ?? 'it is gone'}.`);
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
  // Exit code 137 is a shell's word for SIGKILL, which the system sends a process when memory runs out.
  const wasKilled = /by SIGKILL|exit code 137/.test(reason) || lacksMemory({ name: '', message: reason });
  const message = wasKilled ? `${reason}, most likely for want of memory: ${memoryNeed(run)}` : reason;
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

function spawn(heapMiB: number) {
  const program = programArguments('job-process', import.meta.url);
  return execa(process.execPath, [`--max-old-space-size=${heapMiB}`, ...program], {
    reject: false,
    stdin: 'pipe',
    buffer: { stdout: false },
  } as const);
}

/** A child process, which does one cell at a time. */
class Job {
  readonly #process: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(heapMiB: number) {
    this.#process = spawn(heapMiB);
    // Writing to a child that has died fails; that it died shows where its output ends.
    this.#process.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  tell(message: ToJob): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Does a cell; returns the last message of the process about it, or why the process died. */
  async run(cell: ToJob, events: CellEvents, signal: AbortSignal): Promise<FromJob | { died: string }> {
    this.tell(cell);
    const stop = (): void => {
      this.tell({ kind: 'stop' });
      setTimeout(() => this.#process.kill('SIGKILL'), PATIENCE * 1000).unref();
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done) return { died: await this.#reason() };
        const message = parseLine(value);
        if (message?.kind === 'start') events.onStart();
        else if (message?.kind === 'note') events.onNote(message.text);
        else if (message?.kind === 'progress') events.onProgress(message);
        else if (message) return message;
      }
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }

  async end(): Promise<void> {
    this.#process.stdin.end();
    await this.#process;
  }

  async #reason(): Promise<string> {
    const end: { signal?: string; exitCode?: number; stderr: string } = await this.#process;
    const { signal, exitCode, stderr } = end;
    const how = signal === undefined ? `with exit code ${exitCode ?? '?'}` : `by ${signal}`;
    const lines = stderr.trim().split('\n');
    const said = lines.find((line) => /error/i.test(line))?.trim();
    return `the run's process ended ${how}${said ? `: ${said}` : ''}`;
  }
}

/** Reads a message; undefined for a line that a library has written. */
function parseLine(line: string): FromJob | undefined {
  try {
    return fromJobSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
