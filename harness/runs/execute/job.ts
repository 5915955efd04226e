/** A child process of a sweep (`--jobs`), which does the work that it is told over its standard input. */
import { createInterface } from 'node:readline';
import { execa } from 'execa';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import type { CellProgress } from '../cell/save-results.ts';
import { fromJobSchema, type FromJob } from './job-messages.ts';
import { usableMemory } from '../../support/usable-memory.ts';

/** Seconds that a child process may take to save and stop. */
const PATIENCE = 60;

/** What a child process tells while it works. */
export interface JobEvents {
  /** The piece of work at this place of the message begins. */
  onStart(at: number): void;
  onProgress(progress: CellProgress, at: number): void;
  onNote(text: string): void;
  /** A piece of work has a record. */
  onRecord(path: string, at: number): Promise<void> | void;
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

/** A child process that does one message's work at a time, such as a group of cells or an evaluation. */
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

  /** Does the work of a message; returns the process's last message about it, or why the process died. */
  async run(message: object, events: JobEvents, signal: AbortSignal): Promise<FromJob | { died: string }> {
    this.tell(message);
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
        const told = parseLine(value);
        if (told?.kind === 'start') events.onStart(told.at);
        else if (told?.kind === 'note') events.onNote(told.text);
        else if (told?.kind === 'progress') events.onProgress(told, told.at);
        else if (told?.kind === 'record') await events.onRecord(told.path, told.at);
        else if (told) return told;
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

/** Child processes, each started when work needs it, which live on from one message to the next. */
export class JobPool {
  readonly #start: () => Job;
  readonly #idle: Job[] = [];

  constructor(start: () => Job) {
    this.#start = start;
  }

  /**
   * Does the work of a message; pieces of which no record is told another sweep is doing. Returns why the
   * process died, undefined where it lives on. Throws UsageError where the process refuses the work, and
   * Interrupted where it was stopped.
   */
  async run(message: object, events: JobEvents, signal: AbortSignal): Promise<string | undefined> {
    const job = this.#idle.pop() ?? this.#start();
    const end = await job.run(message, events, signal);
    if (!('kind' in end)) {
      if (signal.aborted) throw new Interrupted('stopped with its child process');
      return end.died;
    }
    this.#idle.push(job);
    if (end.kind === 'refused') throw new UsageError(end.message);
    if (end.kind !== 'done') throw new Interrupted('stopped in its child process');
    return undefined;
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
