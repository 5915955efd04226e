/** Writing so that a file or a folder is there whole or not at all, and what is said where the system refuses. */
import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, UsageError } from './errors.ts';
import { isFolder } from './read-files.ts';

/** What the system lacks or forbids, wherever it says so, and what a person can do about it. */
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

/** These, and what a path may have wrong with it. */
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

/** A temporary file or folder that nobody has touched for so many seconds is taken for a dead process's. */
const ABANDONED = 24 * 3600;

/** A name beside `path` for what is not whole yet; `removeTemporaries` knows it. */
export const temporaryName = (path: string): string =>
  join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);

/** What is asked before a file gets its name; it throws where that must not be, and the file is not written. */
export type BeforeRename = () => Promise<void>;

/**
 * Writes a whole file or leaves the old one as it was, also on a crash or a full disk; throws UsageError
 * where writing is refused.
 */
export function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  beforeRename?: BeforeRename,
): Promise<void> {
  return writeAtomically(path, (file) => file.writeFile(data), beforeRename);
}

/** As writeFileAtomic, for content that `write` puts into the temporary file piece by piece. */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
  beforeRename?: BeforeRename,
): Promise<void> {
  await removeTemporaries(path, ABANDONED);
  // In the same folder, because a rename is atomic only within one file system.
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
 * Makes a whole folder, whose files `write` puts into a temporary one, or nothing, also on a crash. Throws UsageError
 * where writing is refused or something lies at `folder` already; an empty folder may.
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
    throw writeError(path, error);
  }
  await syncFolder(dirname(path));
}

/**
 * Removes what killed processes left while they wrote `path`, or a file that is called so with an ending: all
 * that has not been
 * touched for `seconds`. Whoever knows that no other process writes there gives 0.
 */
export async function removeTemporaries(path: string, seconds = 0): Promise<void> {
  const folder = dirname(path);
  const names = await readdir(folder).catch(() => []);
  for (const name of names) {
    if (!name.startsWith(`.${basename(path)}.`) || !name.endsWith('.tmp')) continue;
    const found = await stat(join(folder, name)).catch(() => undefined);
    if (found === undefined || Date.now() - found.mtimeMs < seconds * 1000) continue;
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

/** Makes a folder and those above it, if they are not there; throws UsageError where that is refused. */
export async function makeFolder(folder: string): Promise<void> {
  // Not mkdir's `recursive`, which never returns where a file system makes no folders, such as /proc.
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
 * The error to throw where writing `path` failed: a UsageError with one clear line for what the system
 * refuses, else `error`.
 */
export function writeError(path: string, error: unknown): unknown {
  if (error instanceof UsageError) return error;
  const reason = refusals[errorCode(error) ?? ''];
  return reason === undefined ? error : new UsageError(`Cannot write ${path}: ${reason}.`, { cause: error });
}

/**
 * What any work may end with where the system lacks or forbids something: a UsageError in one line, else
 * `error` itself.
 */
export function systemError(error: unknown): unknown {
  const reason = lacks[errorCode(error) ?? ''];
  if (reason === undefined || error instanceof UsageError) return error;
  const path = error instanceof Error && 'path' in error ? String(error.path) : 'a file';
  return new UsageError(`Cannot use ${path}: ${reason}.`, { cause: error });
}

/** Makes a rename survive a power cut; some systems cannot sync a folder, and there nothing more can be done. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}
