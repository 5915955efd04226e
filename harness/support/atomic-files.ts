/**
 * Writes files and folders that appear whole or not at all, and puts the system's refusals into words.
 * Whatever other processes may read while it is written goes through this file.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, UsageError } from './errors.ts';
import { isFolder } from './read-files.ts';

/** The system's codes for what it lacks or forbids, and what a person can do about each. */
const lacks: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space or choose another folder',
  EDQUOT: 'the disk quota is used up; free some space or choose another folder',
  EFBIG:
    'the file would be larger than the system allows (ulimit -f, or the file system); choose another folder',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  EROFS: 'the file system is read-only; choose another folder',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine; close some programs',
  EIO: 'the disk or the network drive reports an error; check it, or choose another folder',
  ESTALE: 'the network drive has lost it; mount it again, or choose another folder',
};

/** The codes in `lacks`, and those for a path that cannot be written. */
const refusals: Record<string, string> = {
  ...lacks,
  ENOENT: 'the folder does not exist; create it or choose another',
  ENOTDIR: 'a part of the path is a file, not a folder; choose another path',
  EEXIST: 'a file is in the way; choose another path',
  ENOTEMPTY: 'the folder is not empty; choose another path',
  EISDIR: 'it is a folder; choose a file name',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  ELOOP: 'it leads through symbolic links in a circle; choose another path',
};

/** Seconds after which an untouched temporary file or folder counts as a dead process's. */
const ABANDONED = 24 * 3600;

/**
 * Makes a name beside `path` for a file or folder that is not whole yet; `removeTemporaries` finds such
 * names.
 */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);

/** Runs before a written file gets its name; throws if the file must not get it, which is then discarded. */
export type BeforeRename = () => Promise<void>;

/**
 * Writes a whole file or leaves the old one as it was, also on a crash or a full disk. Throws UsageError if
 * the system refuses to write.
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  beforeRename?: BeforeRename,
): Promise<void> {
  return writeAtomically(path, (file) => file.writeFile(data), beforeRename);
}

/** Does as writeFileAtomic does, for content that `write` puts into the temporary file piece by piece. */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  beforeRename?: BeforeRename,
): Promise<void> {
  await removeTemporaries(path, ABANDONED);
  // The temporary file lies in the same folder, since a rename is atomic only within one file system.
  const temporary = temporaryName(path);
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await beforeRename?.();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
  await syncFolder(dirname(path));
}

/**
 * Makes a whole folder, whose files `write` puts into a temporary one, or nothing, also on a crash. Throws
 * UsageError if the system refuses to write, or if `folder` exists and is not empty.
 */
export async function writeFolderAtomic(
  folder: string,
  write: (temporary: string) => Promise<void>,
): Promise<void> {
  const path = resolve(folder);
  await checkFree(path);
  await makeFolder(dirname(path));
  await removeTemporaries(path, ABANDONED);
  const temporary = temporaryName(path);
  try {
    await mkdir(temporary);
    await write(temporary);
    await syncFolder(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    const refused = writeError(path, error);
    // The user knows the folder by the name that it was to have.
    if (refused instanceof UsageError) refused.message = refused.message.replaceAll(temporary, path);
    throw refused;
  }
  await syncFolder(dirname(path));
}

/**
 * Removes the temporary files that killed processes left for `path`, or for names that begin with it and a
 * dot, once they are untouched for `seconds`. Only a caller that knows of no other writer may give 0.
 */
export async function removeTemporaries(path: string, seconds = 0): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(`.${basename(path)}.`) || !name.endsWith('.tmp')) continue;
    // A file's clock can be ahead of this one's, so that 0 seconds must not ask for the file's age at all.
    if (seconds > 0) {
      const found = await stat(join(folder, name)).catch(() => undefined);
      if (found === undefined || Date.now() - found.mtimeMs < seconds * 1000) continue;
    }
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => undefined);
  }
}

async function checkFree(path: string): Promise<void> {
  const found = await readdir(path).catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT') return [];
    throw writeError(path, error);
  });
  if (found.length > 0)
    throw new UsageError(`${path} is there already and not empty; remove it or choose another folder.`);
}

/** Makes a folder and its missing parents; throws UsageError if the system refuses. */
export async function makeFolder(folder: string): Promise<void> {
  // mkdir's `recursive` never returns on a file system that makes no folders, such as /proc.
  try {
    await mkdir(folder).catch(async (error: unknown) => {
      if (errorCode(error) !== 'ENOENT' || dirname(folder) === folder) throw error;
      await makeFolder(dirname(folder));
      await mkdir(folder);
    });
  } catch (error) {
    if (errorCode(error) === 'EEXIST' && (await isFolder(folder))) return;
    throw writeError(folder, error);
  }
}

/**
 * Gives the error to throw after `path` could not be written: a UsageError in one line if the system refused,
 * else `error`.
 */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof UsageError) return error;
  const reason = refusals[errorCode(error) ?? ''];
  return reason === undefined ? error : new UsageError(`Cannot write ${path}: ${reason}.`, { cause: error });
}

/**
 * Gives a UsageError in one line for an error by which the system lacks or forbids something, whatever the
 * work was; else gives `error` itself.
 */
export function systemError(error: unknown): unknown {
  const reason = lacks[errorCode(error) ?? ''];
  if (reason === undefined || error instanceof UsageError) return error;
  const path = error instanceof Error && 'path' in error ? String(error.path) : 'a file';
  return new UsageError(`Cannot use ${path}: ${reason}.`, { cause: error });
}

/** Makes a rename survive a power cut. Systems that cannot sync a folder are left as they are. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
