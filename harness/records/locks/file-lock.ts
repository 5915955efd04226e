/**
 * Locks between processes, on this machine or on several that share a folder: a lock is a file that names its
 * owner. Cells are claimed with them. An owner is dead if its process is gone (same machine) or its heartbeat
 * has stopped (another machine); then exactly one other process takes the lock over.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { link, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { z } from 'zod';
import { temporaryName, writeError, writeFileAtomic } from '../../support/atomic-files.ts';
import { errorCode } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { sha256 } from '../../support/hash.ts';

/**
 * Seconds between two heartbeats, and seconds without one after which an owner on another machine counts as
 * dead.
 */
export const heartbeat = { every: 15, dead: 180 } as const;

const ownerSchema = z.strictObject({
  host: z.string(),
  /** The machine's boot and the namespace of its process ids; '' if the system does not tell. */
  machine: z.string(),
  pid: z.int().positive(),
  /** When the process started, in the ticks of its machine; '' if the system does not tell. */
  processStarted: z.string(),
  since: z.iso.datetime(),
  token: z.string(),
});
/** The process that holds a lock. */
export type Owner = z.infer<typeof ownerSchema>;

/** A lock that this process holds; a heartbeat keeps it until it is released. */
export interface Lock {
  /**
   * Whether this process still holds it: another one may have taken it for dead, for example after the
   * machine slept.
   */
  isHeld(): Promise<boolean>;
  /** Throws LostLock if this process lost it; call it before writing anything that the lock protects. */
  check(): Promise<void>;
  /** Aborted when the heartbeat finds the lock lost, so that the work stops. */
  readonly lost: AbortSignal;
  release(): Promise<void>;
}

/** The error of a process whose lock another process has taken. */
export class LostLock extends Error {
  override readonly name = 'LostLock';
}

/**
 * Takes the lock at `path`, in an existing folder; undefined if a living owner holds it. A dead owner's lock
 * is taken over. Only link(2) and rename(2) decide who wins, so it also works on network file systems. Throws
 * UsageError if writing is refused.
 */
export async function tryLock(path: string): Promise<Lock | undefined> {
  const text = await take(path);
  return text === undefined ? undefined : hold(path, text);
}

/** What a lock's file says of its owner. */
export interface LockState {
  readonly owner: Owner | undefined;
  readonly isAlive: boolean;
  /** Whether the owner's process has ended for certain; of one on another machine only its silence is known. */
  readonly hasEnded: boolean;
}

/**
 * Reads who holds a lock and whether the owner is alive; undefined if there is no lock, `owner` is undefined
 * if it cannot be read. It writes nothing, so an owner on another machine is judged by this machine's clock.
 * Throws UsageError if something else lies at the path.
 */
export async function readLock(path: string): Promise<LockState | undefined> {
  const found = await read(path);
  if (!found) return undefined;
  const alive = await isAlive(path, found.owner, () => Promise.resolve(Date.now()));
  return { owner: found.owner, isAlive: alive, hasEnded: !alive && isOfHere(found.owner) };
}

/** Takes the lock; returns the text of its file, or undefined if a living owner has it. */
async function take(path: string): Promise<string | undefined> {
  const owner: Owner = { ...self(), since: new Date().toISOString(), token: randomUUID() };
  const text = `${JSON.stringify(owner)}\n`;
  for (;;) {
    if (await create(path, text)) return text;
    const found = await read(path);
    // The owner released it a moment ago.
    if (!found) continue;
    // A network file system may report our own new link as one that was already there.
    if (found.text === text) return text;
    if (await isAlive(path, found.owner, () => sharedClock(path))) return undefined;
    // Several processes may see this owner dead. A guard, named by the dead owner's text, lets one of them
    // replace the lock.
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
      // Removes guards and temporary files of processes that were killed during a take-over. A take-over that
      // is still running cannot succeed: we hold the lock.
      const left = (await readdir(dirname(path))).filter((name) =>
        name.replace(/^\./, '').startsWith(`${basename(path)}.`),
      );
      for (const name of left) await rm(join(dirname(path), name), { force: true });
      await rm(path, { force: true });
    },
  };
}

/** Creates a file with all its content in one step; false if there is one already. */
async function create(path: string, text: string): Promise<boolean> {
  const temporary = temporaryName(path);
  try {
    await writeFile(temporary, text, { flag: 'wx' }).catch((error: unknown) => {
      throw writeError(path, error);
    });
    await link(temporary, path);
    return true;
  } catch (error) {
    // ENOENT: the owner of the lock has removed our temporary file with the remains of others.
    if (['EEXIST', 'ENOENT'].includes(errorCode(error) ?? '')) return false;
    if (['EPERM', 'ENOTSUP', 'ENOSYS'].includes(errorCode(error) ?? '')) return await createPlain(path, text);
    throw writeError(path, error);
  } finally {
    await rm(temporary, { force: true });
  }
}

/** Creates the file without a hard link, for file systems that have none. */
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
    // A power loss cut the file short, or it is not ours: only its age tells whether the owner lives.
    return { text, owner: undefined };
  }
}

/** Whether this process can see the owner's: both are on this machine, with the same process ids. */
const isOfHere = (owner: Owner | undefined): owner is Owner =>
  owner !== undefined && owner.machine !== '' && owner.machine === self().machine;

async function isAlive(
  path: string,
  owner: Owner | undefined,
  clock: () => Promise<number | undefined>,
): Promise<boolean> {
  if (isOfHere(owner)) {
    return processStarted(owner.pid) === owner.processStarted;
  }
  const now = await clock();
  const beaten = await stat(path).catch(() => undefined);
  return now !== undefined && beaten !== undefined && now - beaten.mtimeMs < heartbeat.dead * 1000;
}

/**
 * The time of the file system in milliseconds, the same for all machines that share it; undefined if the
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
 * Linux's id of this boot, with the namespace of process ids: containers have their own. '' on other systems.
 */
function machine(): string {
  try {
    return `${readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return '';
  }
}

/**
 * When a process started, in Linux's ticks, which tells it from a later one with the same id; undefined if it
 * is gone.
 */
function processStarted(pid: number): string | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // Fields are counted after the name, which may hold spaces: the state is field 3, the start field 22.
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' || fields[0] === 'X' ? undefined : fields[19];
  } catch {
    return undefined;
  }
}
