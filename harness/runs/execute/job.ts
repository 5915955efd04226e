/** A child process of a sweep (`--jobs`), which does the work that it is told over its standard input. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import type { CellProgress } from '../cell/save-results.ts';
import { fromJobSchema, type FromJob } from './job-messages.ts';
import { usableMemory } from '../memory/memory-here.ts';

/** Seconds that a child process may take to save and stop. */
const PATIENCE = 60;

/** What a child process tells while it works. */
export interface JobEvents {
  onStart(): void;
  onProgress(progress: CellProgress): void;
  onNote(text: string): void;
}

/** What each of `count` child processes has: threads, memory in bytes, mebibytes of JavaScript heap. */
export function shareOfMachine(
  threads: number,
  count: number,
): { threads: number; memory: number; heapMiB: number } {
  return {
    threads: Math.max(1, Math.floor(threads / count)),
    memory: usableMemory() / count,
    heapMiB: Math.max(512, Math.floor((0.75 * usableMemory()) / count / 2 ** 20)),
  };
}

function spawn(program: readonly string[], heapMiB: number) {
  return execa(process.execPath, [`--max-old-space-size=${heapMiB}`, ...program], {
    reject: false,
    stdin: 'pipe',
    buffer: { stdout: false },
  } as const);
}

/** A child process that does one piece of work at a time, such as a cell or an evaluation. */
export class Job {
  readonly #process: ReturnType<typeof spawn>;
  readonly #lines: AsyncIterator<string, undefined>;

  /** Starts Node with the arguments `program`. */
  constructor(program: readonly string[], heapMiB: number) {
    this.#process = spawn(program, heapMiB);
    // Writing to a child that has died fails; that it died shows where its output ends.
    this.#process.stdin.on('error', () => undefined);
    this.#lines = createInterface({ input: this.#process.stdout })[Symbol.asyncIterator]();
  }

  /** Sends a message, which is JSON. */
  tell(message: object): void {
    this.#process.stdin.write(`${JSON.stringify(message)}\n`);
  }

  /** Does a piece of work; returns the last message of the process about it, or why the process died. */
  async run(piece: object, events: JobEvents, signal: AbortSignal): Promise<FromJob | { died: string }> {
    this.tell(piece);
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

/** Child processes, each started when a piece of work needs it, which live on from one piece to the next. */
export class JobPool {
  readonly #start: () => Job;
  readonly #idle: Job[] = [];

  constructor(start: () => Job) {
    this.#start = start;
  }

  /**
   * Does a piece of work; returns the path of its record, `busy` where another sweep does it, or why its
   * process died. Throws UsageError where the process refuses it, and Interrupted where it was stopped.
   */
  async run(
    piece: object,
    events: JobEvents,
    signal: AbortSignal,
  ): Promise<{ path: string } | { died: string } | 'busy'> {
    const job = this.#idle.pop() ?? this.#start();
    const end = await job.run(piece, events, signal);
    if (!('kind' in end)) {
      if (signal.aborted) throw new Interrupted('stopped with its child process');
      return end;
    }
    this.#idle.push(job);
    if (end.kind === 'busy') return 'busy';
    if (end.kind === 'refused') throw new UsageError(end.message);
    if (end.kind !== 'done') throw new Interrupted('stopped in its child process');
    return { path: end.path };
  }

  async close(): Promise<void> {
    await Promise.all(this.#idle.map((job) => job.end()));
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
