/** Cells in child processes. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { programArguments } from '../../support/child-programs.ts';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { recordOf } from '../cell/make-record.ts';
import { recordUnderLock } from './claim-cell.ts';
import type { RecordedCell, CellExecutor, CellEvents, JobPoolOptions } from './executor.ts';
import { fromJobSchema, type FromJob, type ToJob } from './job-messages.ts';
import { lacksMemory, memoryNeed, usableMemory } from './out-of-memory.ts';
import { addressOf, type Plan } from '../plan/cell.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import type { RunRecord } from '../../records/record.ts';
import { readRecord, writeCrashRecord, type Place } from '../../records/record-files.ts';

/** Seconds that a child process may take to save and stop. */
const patience = 60;

/** Threads of each of `count` child processes, and the mebibytes of their JavaScript heap. */
export function shareOfMachine(threads: number, count: number): { threads: number; heapMiB: number } {
  return {
    threads: Math.max(1, Math.floor(threads / count)),
    heapMiB: Math.max(512, Math.floor((0.75 * usableMemory()) / count / 2 ** 20)),
  };
}

/** Does cells in child processes, which live on from cell to cell; one that dies is a failed run, and another takes its place. */
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
      const wanted = { kind: 'cell', request: requestOf(cell), address: addressOf(cell), identity } as const;
      const last = await job.run(wanted, events, signal);
      if (typeof last === 'string') {
        if (signal.aborted) throw new Interrupted('stopped with its child process');
        const found = { started, reason: last, code, engine, threads: share.threads };
        const record = (place: Place): Promise<RunRecord> => crashRecord({ ...run, place }, found);
        return recordUnderLock(results, run, retryFailed, events.onNote, record, writeCrashRecord);
      }
      idle.push(job);
      return outcomeOf(last);
    },
    async close() {
      await Promise.all(idle.map((job) => job.end()));
    },
  };
}

async function outcomeOf(last: FromJob): Promise<RecordedCell | 'busy'> {
  if (last.kind === 'busy') return 'busy';
  if (last.kind === 'refused') throw new UsageError(last.message);
  if (last.kind !== 'done') throw new Interrupted('stopped in its child process');
  const read = await readRecord(last.path);
  if (read && 'record' in read) return { record: read.record, path: last.path };
  throw new UsageError(`${last.path} was written and cannot be read back: ${read?.reason ?? 'it is gone'}.`);
}

/** A failed run whose process died. */
async function crashRecord(
  run: PreparedCell,
  found: {
    started: Date;
    reason: string;
    code: RunRecord['code'];
    engine: Plan['engine'];
    threads: number;
  },
): Promise<RunRecord> {
  const { engine, reason, ...rest } = found;
  const { name, device, recompute } = engine;
  // What a process exits with where another killed it for a shell, and what the system's own killer sends.
  const wasKilled = /by SIGKILL|exit code 137/.test(reason) || lacksMemory({ name: '', message: reason });
  const message = wasKilled ? `${reason}, most likely for want of memory: ${memoryNeed(run)}` : reason;
  return recordOf(run, {
    ...rest,
    error: { name: 'Crashed', message },
    findings: { metrics: [], seconds: {}, tokensPerSecond: {}, files: {} },
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

/** A child process; it does one cell at a time. */
class Job {
  readonly #process: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string, undefined>;

  constructor(heapMiB: number) {
    this.#process = spawn(heapMiB);
    // Whoever dies says so by its end; writing to it fails then.
    this.#process.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  tell(message: ToJob): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Does a cell; gives the last that the process said of it, or why it died. */
  async run(cell: ToJob, events: CellEvents, signal: AbortSignal): Promise<FromJob | string> {
    this.tell(cell);
    const stop = (): void => {
      this.tell({ kind: 'stop' });
      setTimeout(() => this.#process.kill('SIGKILL'), patience * 1000).unref();
    };
    signal.addEventListener('abort', stop);
    if (signal.aborted) stop();
    try {
      for (;;) {
        const { value, done } = await this.#lines.next();
        if (done) return await this.#reason();
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
    const said = stderr.trim().split('\n').find((line) => /error/i.test(line))?.trim(); // prettier-ignore
    return `the run's process ended ${how}${said ? `: ${said}` : ''}`;
  }
}

/** A message; undefined for a line that a library has written. */
function parseLine(line: string): FromJob | undefined {
  try {
    return fromJobSchema.safeParse(JSON.parse(line)).data;
  } catch {
    return undefined;
  }
}
