/**
 * Reads files that a user or the hub provides. Whatever lies at a path gives its content or a UsageError in
 * one line; nothing waits for a pipe or a device.
 */
import { constants, type Stats } from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { UsageError, errorCode, messageOf } from './errors.ts';

/** Why the system does not read a file, by its error code. */
const refusals: Record<string, string> = {
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  ELOOP: 'its symbolic links lead in a circle',
  ENAMETOOLONG: 'its name is too long',
  EMFILE: 'too many files are open; raise the limit (ulimit -n)',
  ENFILE: 'too many files are open on this machine',
  EIO: 'the disk or the network drive reports an error',
  ESTALE: 'the network drive has lost it',
};

/**
 * Opens a file for reading while `use` runs. Throws UsageError if the file is missing or cannot be read, or
 * if it is a folder, a named pipe, a socket or a device.
 */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer. Windows neither has nor needs the
    // flag.
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(`There is no file ${path}.`, { cause: error });
    }
    const found = await stat(path).catch(() => undefined);
    if (found && !found.isFile()) throw new UsageError(`${path} is ${kindOf(found)}, not a file.`);
    throw readError(path, error);
  }
  try {
    const found = await file.stat();
    if (!found.isFile()) throw new UsageError(`${path} is ${kindOf(found)}, not a file.`);
    return await use(file);
  } catch (error) {
    const ofReading = error instanceof Error && 'syscall' in error && error.syscall === 'read';
    throw ofReading ? readError(path, error) : error;
  } finally {
    await file.close();
  }
}

/** Gives a UsageError in one line for any error of reading a file. */
function readError(path: string, error: unknown): UsageError {
  // The system's message repeats the path; it is cut off.
  const words = messageOf(error).replace(/(, \w+( '|$)|\. Received ).*$/s, '');
  return new UsageError(`${path} cannot be read: ${refusals[errorCode(error) ?? ''] ?? words}.`, {
    cause: error,
  });
}

/** Names the kind of what lies at a path, such as `a named pipe`. */
export function kindOf(found: Pick<Stats, 'isFile' | 'isDirectory' | 'isFIFO' | 'isSocket'>): string {
  if (found.isFile()) return 'a file';
  if (found.isDirectory()) return 'a folder';
  if (found.isFIFO()) return 'a named pipe';
  return found.isSocket() ? 'a socket' : 'a device';
}

/** Gives a whole file's bytes; throws as withFile does. */
export function readBytes(path: string): Promise<Buffer> {
  return withFile(path, (file) => file.readFile());
}

/** Gives a file's JSON value; throws UsageError if the file is missing or not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readBytes(path)).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON; get the file again.`, { cause: error });
  }
}

/** Whether anything lies at `path`: a file, a folder or a device. */
export async function isThere(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}

/** Whether a folder lies at `path`. */
export async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}

/** Whether a file lies at `path`; a folder does not count. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
