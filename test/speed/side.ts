/** A side of a case: a program that times its own steps, started as a process. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** What a side prints once it is ready. */
export interface Ready {
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds of the phases up to its first step, from the start of the process. */
  readonly phases?: Readonly<Record<string, number>>;
  /** The SHA-1 of the prompts that it scores. */
  readonly prompts?: string;
}

/** Some steps of one side. */
export interface Turn {
  /** Milliseconds of each step. */
  readonly times: readonly number[];
  /** Milliseconds of processor time of each step, all threads together. */
  readonly cpu?: readonly number[];
  /** Peak memory of the process so far, in bytes. */
  readonly peak: number;
  /** Tokens of these steps without padding. */
  readonly tokens?: number;
  /** Floating-point operations of the matrix products in these steps. */
  readonly flops?: number;
  /** What it found for each request, so that sides can be compared. */
  readonly answers?: readonly (number | string)[];
  readonly phases?: Ready['phases'];
}

/** A program that times steps in a process of its own, or times whole processes. */
export interface Side {
  readonly ready: Ready;
  steps(n: number): Promise<Turn>;
  stop(): void;
}

/** Starts a side; throws with its own message where it does not run. */
export async function startSide(command: string, args: readonly string[]): Promise<Side> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const refusal = new Promise<string>((resolve) => {
    child.once('error', ({ message }) => {
      resolve(message);
    });
  });
  const complaints = text(child.stderr);
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  async function answer(): Promise<unknown> {
    const next = await lines.next();
    if (!next.done) return JSON.parse(next.value);
    throw new Error(lastWords(await Promise.race([refusal, complaints])) ?? `${command} ended early`);
  }
  const ready = (await answer()) as Ready;
  return {
    ready,
    async steps(n) {
      child.stdin.write(`${n}\n`);
      return (await answer()) as Turn;
    },
    stop: () => child.kill(),
  };
}

/** The line that names the error, as Node and Python print it, or the last line. */
function lastWords(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
}

/**
 * A side that starts the program anew for each step; the step's time is the time to the program's first step.
 */
export async function startAnew(command: string, args: readonly string[]): Promise<Side> {
  const start = async (): Promise<{ ready: Ready; peak: number }> => {
    const side = await startSide(command, args);
    const { peak } = await side.steps(0);
    side.stop();
    return { ready: side.ready, peak };
  };
  // The first start fills the caches of files and compiled kernels.
  const { ready } = await start();
  return {
    ready,
    async steps(n) {
      const starts: Awaited<ReturnType<typeof start>>[] = [];
      for (let i = 0; i < n; i++) starts.push(await start());
      const [phases] = starts.map((each) => each.ready.phases!);
      const total = (each: Ready): number => Object.values(each.phases!).reduce((sum, ms) => sum + ms, 0);
      return {
        times: starts.map((each) => total(each.ready)),
        peak: Math.max(...starts.map(({ peak }) => peak)),
        phases: phases!,
      };
    },
    stop: () => undefined,
  };
}
