import { randomUUID } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { errorCode, UsageError } from './errors.ts';

/** What a person can do about the system's refusals to write. */
const refusals: Record<string, string> = {
  ENOSPC: 'the disk is full; free some space or choose another folder',
  EDQUOT: 'the disk quota is used up; free some space or choose another folder',
  EACCES: 'permission denied; choose a folder that you may write to',
  EPERM: 'permission denied; choose a folder that you may write to',
  EROFS: 'the file system is read-only; choose another folder',
  ENOENT: 'the folder does not exist; create it or choose another',
  ENOTDIR: 'a part of the path is a file, not a folder; choose another path',
  EEXIST: 'a file is in the way; choose another path',
  ENOTEMPTY: 'the folder is not empty; choose another path',
  ENAMETOOLONG: 'the name is too long; choose a shorter one',
  EISDIR: 'it is a folder; choose a file name',
};

/** Writes a whole file or leaves the old one as it was, also on a crash or a full disk; throws UsageError where writing is refused. */
export function writeFileAtomic(path: string, data: string | Uint8Array): Promise<void> {
  return writeAtomically(path, (file) => file.writeFile(data));
}

/** As writeFileAtomic, for content that `write` puts into the temporary file piece by piece. */
export async function writeAtomically(
  path: string,
  write: (file: FileHandle) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  // In the same folder, because a rename is atomic only within one file system.
  const temporary = join(folder, `.${basename(path)}.${randomUUID()}.tmp`);
  try {
    const file = await open(temporary, 'wx');
    try {
      await write(file);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true }).catch(() => undefined);
    throw writeError(path, error);
  }
  await syncFolder(folder);
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
  const temporary = join(dirname(path), `.${basename(path)}.${randomUUID()}.tmp`);
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

/** The error to throw where writing `path` failed: a UsageError with one clear line for what the system refuses, else `error`. */
export function writeError(path: string, error: unknown): unknown {
  const reason = refusals[errorCode(error) ?? ''];
  return reason === undefined ? error : new UsageError(`Cannot write ${path}: ${reason}.`, { cause: error });
}

/** Makes a rename survive a power cut; some systems cannot sync a folder, and there nothing more can be done. */
async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r').catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
