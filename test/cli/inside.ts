// Runs the command line in this process, for tests that need no process of their own.
import { join } from 'node:path';
import { vi } from 'vitest';
import { runCommandLine } from '../../harness/cli/program.ts';

export interface Ran {
  readonly stdout: string;
  readonly stderr: string;
  readonly exitCode: number;
}

/** Does what `benchIn` does (bench.ts), in this process; commands run one after the other. */
export function benchInside(folder: string): (...args: string[]) => Promise<Ran> {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const ran = last.then(() => run(folder, args));
    last = ran.catch(() => undefined);
    return ran;
  };
}

async function run(folder: string, args: readonly string[]): Promise<Ran> {
  const streams = [process.stdout, process.stderr] as const;
  const written = streams.map(() => '');
  const before = listenersNow();
  const spies = streams.map((stream, i) =>
    vi.spyOn(stream, 'write').mockImplementation((text) => {
      written[i] = `${written[i]!}${String(text)}`;
      return true;
    }),
  );
  const exitCode = process.exitCode;
  // The type says what a command may have set by the time it is read.
  process.exitCode = undefined as number | string | undefined;
  vi.stubEnv('DELTABENCH_DATA', undefined);
  vi.stubEnv('DELTABENCH_CACHE', join(folder, 'cache'));
  vi.stubEnv('HF_HOME', join(folder, 'hub'));
  try {
    await runCommandLine(args);
    const [stdout, stderr] = written.map((text) => text.replace(/\n$/, '')) as [string, string];
    return { stdout, stderr, exitCode: Number(process.exitCode ?? 0) };
  } finally {
    process.exitCode = exitCode;
    for (const spy of spies) spy.mockRestore();
    for (const [i, { emitter, event, listeners }] of listenersNow().entries()) {
      for (const listener of listeners) {
        if (!before[i]!.listeners.includes(listener)) emitter.off(event, listener as () => void);
      }
    }
  }
}

/** Who listens to what a command listens to: a process of its own would end with it, this one goes on. */
function listenersNow() {
  const events: [NodeJS.EventEmitter, string][] = [
    [process.stdout, 'error'],
    [process.stderr, 'error'],
    [process, 'SIGINT'],
    [process, 'SIGTERM'],
  ];
  return events.map(([emitter, event]) => ({ emitter, event, listeners: emitter.listeners(event) }));
}
