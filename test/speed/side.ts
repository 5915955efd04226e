import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that times steps in a process of its own, step.ts, torch_step.py and their like. */
export interface Side {
  /** Milliseconds of n steps. */
  steps(n: number): Promise<{ times: number[]; peak: number }>;
  stop(): void;
}

/** Starts one side; undefined where it does not run. */
export async function startSide(command: string, args: readonly string[]): Promise<Side | undefined> {
  const child: ChildProcess = spawn(command, args, { stdio: ['pipe', 'pipe', 'ignore'] });
  child.on('error', () => undefined);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const first = await lines.next();
  if (first.done || first.value !== 'ready') return undefined;
  return {
    async steps(n) {
      child.stdin!.write(`${n}\n`);
      const next = await lines.next();
      if (next.done) throw new Error(`${command} ${args.join(' ')} ended early`);
      return JSON.parse(next.value) as { times: number[]; peak: number };
    },
    stop: () => child.kill(),
  };
}
