import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';

/** What a side says once it is ready. */
export interface Ready {
  readonly versions: Readonly<Record<string, string>>;
  /** Milliseconds of what led to its first step, from the start of the process. */
  readonly phases?: Readonly<Record<string, number>>;
}

/** Some steps of one side. */
export interface Turn {
  /** Milliseconds of each. */
  readonly times: readonly number[];
  /** The most memory, in bytes, that the process has held so far. */
  readonly peak: number;
  /** Tokens of these steps, padding left out. */
  readonly tokens?: number;
  /** Floating-point operations of the matrix products in these steps. */
  readonly flops?: number;
  readonly phases?: Ready['phases'];
}

/** A program that times steps in a process of its own, or times whole processes. */
export interface Side {
  readonly ready: Ready;
  steps(n: number): Promise<Turn>;
  stop(): void;
}

/** Starts a side; throws with its own words where it does not run. */
export async function startSide(command: string, args: readonly string[]): Promise<Side> {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const refusal = new Promise<string>((resolve) => child.once('error', ({ message }) => { resolve(message); })); // prettier-ignore
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

/** The line that names the error, as Node and Python print it, else the last one. */
function lastWords(stderr: string): string | undefined {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  return lines.findLast((line) => /^[\w.]*(Error|Exception)\b/.test(line)) ?? lines.at(-1);
}

/** A side that starts another anew for each step: its time is what leads to the other's first step. */
export async function startAnew(command: string, args: readonly string[]): Promise<Side> {
  const start = async (): Promise<{ ready: Ready; peak: number }> => {
    const side = await startSide(command, args);
    const { peak } = await side.steps(0);
    side.stop();
    return { ready: side.ready, peak };
  };
  // The first brings files and compiled kernels into their caches.
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
