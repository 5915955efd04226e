// Starts the command line as a process, on made-up rows and a tiny random base; used by the tests of
// commands.
import { existsSync } from 'node:fs';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa, execaSync } from 'execa';
import { projectRoot } from '../../harness/support/project-root.ts';
import type { Owner } from '../../harness/records/locks/file-lock.ts';
import { parseRecord, type RunRecord } from '../../harness/records/record.ts';
import { commandLine } from './command-line.ts';

/** Starts the command line with caches in `folder` and without DELTABENCH_DATA. */
export const benchIn =
  (folder: string) =>
  (...args: string[]) =>
    execa('node', [...commandLine, ...args], {
      cwd: projectRoot,
      reject: false,
      env: {
        DELTABENCH_DATA: undefined,
        DELTABENCH_CACHE: join(folder, 'cache'),
        HF_HOME: join(folder, 'hub'),
      },
    });

/**
 * Writes made-up rows in the format of LoRA's E2E files, and a GPT-2 tokenizer of 300 tokens, into `data`.
 */
export async function writeTinyE2E(data: string): Promise<void> {
  const tokenizer = join(data, 'tokenizers', 'gpt2');
  await mkdir(tokenizer, { recursive: true });
  const tiny = join(projectRoot, 'test', 'data', 'tokenizers', 'files', 'tiny.json');
  await copyFile(tiny, join(tokenizer, 'tokenizer.json'));
  await writeFile(join(tokenizer, 'tokenizer_config.json'), JSON.stringify({ eos_token: '<|endoftext|>' }));
  const rows = Array.from(
    { length: 40 },
    (_, i) => `name : Inn ${i % 8} | food : soup||Inn ${i % 8} has soup .`,
  );
  for (const file of ['train.txt', 'valid.txt', 'test.txt'])
    await writeFile(join(data, file), rows.join('\n'));
}

/** A random base that trains on these rows within moments. */
export const tinyModel = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';

/**
 * Starts `run` on the data in `folder`; `detached` gives it a process group, which a test can kill as a
 * whole.
 */
export function startTiny(
  folder: string,
  results: string,
  args: readonly string[],
  { detached = false } = {},
) {
  const common = ['--task', 'e2e', '--model', tinyModel, '--data', join(folder, 'data'), '--limit', '8'];
  const short = ['max-new-tokens=2', 'batch-size=4', 'epochs=100', 'evaluate-every=5'];
  const where = ['--results', join(folder, results)];
  return execa(process.execPath, [...commandLine, ...common, ...args, ...where, '--set', ...short], {
    cwd: projectRoot,
    reject: false,
    detached,
    cleanup: !detached,
    env: { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache') },
  });
}

/**
 * Calls `attempt` with new names of results folders until it says that it stopped its run before the end: on
 * a busy machine a run may end first.
 */
export async function untilStopped(attempt: (results: string) => Promise<boolean>): Promise<string> {
  for (let n = 1; ; n++) {
    const results = `stopped-${n}`;
    if (await attempt(results)) return results;
  }
}

/** Waits for a file; false where `running` ends before the file exists. */
export async function appears(path: string, running: { readonly exitCode: number | null }): Promise<boolean> {
  while (!existsSync(path)) {
    if (running.exitCode !== null) return false;
    await sleep(5);
  }
  return true;
}

/** What `says` needs of a process that is under way. */
interface Speaking extends PromiseLike<unknown> {
  readonly stderr: NodeJS.ReadableStream;
}

/** Waits until a process has written text that matches to stderr; false where it ends without. */
export function says(running: Speaking, pattern: RegExp): Promise<boolean> {
  return new Promise((resolve) => {
    let said = '';
    running.stderr.on('data', (more: Buffer) => {
      said += String(more);
      if (pattern.test(said)) resolve(true);
    });
    void running.then(() => {
      resolve(false);
    });
  });
}

/** Whether a process, or one of a group, is not paused yet: the signal that pauses it returns before it does. */
function isMoving(what: 'pid' | 'pgid', id: number): boolean {
  const { stdout } = execaSync('ps', ['-e', '-o', `${what}=`, '-o', 'stat=']);
  const processes = stdout.split('\n').map((line) => line.trim().split(/ +/));
  return processes.some(([own, state]) => Number(own) === id && !/^[TtZ]/.test(state!));
}

/** Pauses a process, or a group by its negative pid, and waits until it stands still; false where it has ended. */
export async function pause(pid: number): Promise<boolean> {
  try {
    process.kill(pid, 'SIGSTOP');
  } catch {
    return false;
  }
  while (isMoving(pid < 0 ? 'pgid' : 'pid', Math.abs(pid))) await sleep(5);
  return true;
}

/**
 * Kills the process that holds a lock and gives its pid; undefined where none holds it any more. The process is
 * paused before it is looked at again, so that it ends neither before the kill nor with other work.
 */
export async function killOwner(lock: string): Promise<number | undefined> {
  const read = (): Promise<number | undefined> =>
    readFile(lock, 'utf8').then(
      (text) => (JSON.parse(text) as Owner).pid,
      () => undefined,
    );
  const pid = await read();
  if (pid === undefined || !(await pause(pid))) return undefined;
  const isHeld = (await read()) === pid;
  process.kill(pid, isHeld ? 'SIGKILL' : 'SIGCONT');
  return isHeld ? pid : undefined;
}

/** Reads a record; throws where it is missing or damaged. */
export async function readRecordFile(path: string): Promise<RunRecord> {
  const read = parseRecord(await readFile(path, 'utf8'));
  if ('reason' in read) throw new Error(read.reason);
  return read.record;
}
