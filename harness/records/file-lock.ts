/** Locks that processes on this machine and on others hold by a file in the folder that they share. */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { temporaryName, writeError, writeFileAtomic } from '../support/atomic-files.ts';
import { errorCode } from '../support/errors.ts';
import { readBytes } from '../support/read-files.ts';
import { sha256 } from '../support/hash.ts';

/**
 * Seconds between two heartbeats of an owner, and without one after which an owner on another machine counts
 * as dead.
 */
export const heartbeat = { every: 15, dead: 180 } as const;

const ownerSchema = z.strictObject({
  host: z.string(),
  /**
   * The machine since it was started, and the view of processes that a pid is of; '' where the system does
   * not tell.
   */
  machine: z.string(),
  pid: z.int().positive(),
  /** When the process started, as the machine counts; '' where the system does not tell. */
  processStarted: z.string(),
  since: z.iso.datetime(),
  token: z.string(),
});
/** Who holds a lock. */
export type Owner = z.infer<typeof ownerSchema>;

/** A lock that this process holds; a heartbeat keeps it until it is released. */
export interface Lock {
  /** Whether it is still this process's: another may have taken it for dead, such as after a long sleep. */
  isHeld(): Promise<boolean>;
  /** Throws LostLock where it is not: asked before anything is written that the lock protects. */
  check(): Promise<void>;
  /** Aborted soon after it was lost, so that nobody works on for nothing. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** What a lock protected belongs to another process now. */
export class LostLock extends Error {
  override readonly name = 'LostLock';
}

/**
 * Takes the lock file at `path`, in a folder that is there, for this process; undefined where a living owner
 * holds it. A dead owner's lock is taken over: its process is gone from this machine, or it is on another and
 * shows no heartbeat. Only link(2) and rename(2) decide, so it holds on a network file system, too. Throws
 * UsageError where writing is refused.
 */
export async function tryLock(path: string): Promise<Lock | undefined> {
  const text = await take(path);
  return text === undefined ? undefined : hold(path, text);
}

/**
 * Who holds a lock and whether they live; undefined where there is none, `owner` is undefined where it cannot
 * be read. It writes nothing, so the age of a lock elsewhere is by this machine's clock. Throws UsageError
 * where something else lies there.
 */
export async function readLock(
  path: string,
): Promise<{ owner: Owner | undefined; isAlive: boolean } | undefined> {
  const found = await read(path);
  return (
    found && {
      owner: found.owner,
      isAlive: await isAlive(path, found.owner, () => Promise.resolve(Date.now())),
    }
  );
}

/** The text of this process's own lock file, where it got the lock. */
async function take(path: string): Promise<string | undefined> {
  const owner: Owner = { ...self(), since: new Date().toISOString(), token: randomUUID() };
  const text = `${JSON.stringify(owner)}\n`;
  for (;;) {
    if (await create(path, text)) return text;
    const found = await read(path);
    // It was released a moment ago.
    if (!found) continue;
    // A network file system may say that a link exists because it has just made it.
    if (found.text === text) return text;
    if (await isAlive(path, found.owner, () => sharedClock(path))) return undefined;
    // Of all who see this owner dead, one gets the guard, and nobody else replaces this very lock.
    const guard = `${path}.${sha256(found.text).slice(0, 16)}`;
    const guardText = await take(guard);
    if (guardText === undefined) return undefined;
    try {
      if ((await read(path))?.text !== found.text) return undefined;
      await writeFileAtomic(path, text);
      return text;
    } finally {
      await rm(guard, { force: true });
    }
  }
}

function hold(path: string, text: string): Lock {
  const heart = new Worker(new URL('lock-heartbeat.js', import.meta.url), {
    workerData: { path, text, every: heartbeat.every },
    // A loader of TypeScript, which the process may have been started with, would only cost it time and
    // memory.
    execArgv: [],
  });
  heart.unref();
  const lost = new AbortController();
  heart.on('message', () => {
    lost.abort(new LostLock(`${path} is another's`));
  });
  const isHeld = async (): Promise<boolean> => (await read(path))?.text === text;
  return {
    isHeld,
    async check() {
      if (!(await isHeld())) throw new LostLock(`${path} is another's`);
    },
    lost: lost.signal,
    async release() {
      await heart.terminate();
      if (!(await isHeld())) return;
      // Guards and temporary files of processes that were killed while they took over; a living one's
      // take-over fails, for the lock is ours.
      const left = (await readdir(dirname(path))).filter((name) =>
        name.replace(/^\./, '').startsWith(`${basename(path)}.`),
      );
      for (const name of left) await rm(join(dirname(path), name), { force: true });
      await rm(path, { force: true });
    },
  };
}

/** Makes a file with its whole content at once; false where there is one. */
async function create(path: string, text: string): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, text, { flag: 'wx' });
  } catch (error) {
    throw writeError(path, error);
  }
  try {
    await link(temporary, path);
    return true;
  } catch (error) {
    // Without the temporary file: whoever has the lock has swept it away.
    if (['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return false;
    if (['EPERM', 'ENOTSUP', 'ENOSYS'].includes(errorCode(error) ?? '')) return await createPlain(path, text);
    throw writeError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** For file systems without hard links. */
async function createPlain(path: string, text: string): Promise<boolean> {
  try {
    await writeFile(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw writeError(path, error);
  }
}

async function read(path: string): Promise<{ text: string; owner: Owner | undefined } | undefined> {
  let text: string;
  try {
    text = String(await readBytes(path));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    return { text, owner: ownerSchema.parse(JSON.parse(text)) };
  } catch {
    // Cut short by a power loss, or not ours: only its age tells.
    return { text, owner: undefined };
  }
}

async function isAlive(
  path: string,
  owner: Owner | undefined,
  clock: () => Promise<number | undefined>,
): Promise<boolean> {
  if (owner && owner.machine !== '' && owner.machine === self().machine) {
    return processStarted(owner.pid) === owner.processStarted;
  }
  const now = await clock();
  const beaten = await stat(path).catch(() => undefined);
  return now !== undefined && beaten !== undefined && now - beaten.mtimeMs < heartbeat.dead * 1000;
}

/**
 * The milliseconds of the file system's clock, which all machines that share it see; undefined where the
 * folder is gone.
 */
async function sharedClock(path: string): Promise<number | undefined> {
  const probe = temporaryName(path);
  try {
    const file = await open(probe, 'wx');
    return (await file.stat().finally(() => file.close())).mtimeMs;
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    throw writeError(probe, error);
  } finally {
    await rm(probe, { force: true });
  }
}

let known: Pick<Owner, 'host' | 'machine' | 'pid' | 'processStarted'> | undefined;

function self(): NonNullable<typeof known> {
  return (known ??= {
    host: hostname(),
    machine: machine(),
    pid: process.pid,
    processStarted: processStarted(process.pid) ?? '',
  });
}

/**
 * Linux's id of this start of the machine, and of the processes that this one sees: containers have their
 * own.
 */
function machine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/**
 * The start of a process in Linux's ticks, so that another one with its pid is not taken for it; undefined
 * where it is gone.
 */
function processStarted(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which may hold anything: the state is field 3, the start field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
