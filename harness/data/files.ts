import { open, stat, type FileHandle } from 'node:fs/promises';
import { errorCode, UsageError } from './errors.ts';

/** Opens a file for reading while `use` runs; throws UsageError where it is missing, a folder or not readable. */
export async function withFile<T>(path: string, use: (file: FileHandle) => Promise<T>): Promise<T> {
  let file: FileHandle;
  try {
    file = await open(path, 'r');
  } catch (error) {
    const code = errorCode(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      throw new UsageError(`There is no file ${path}.`, { cause: error });
    }
    if (code === 'EACCES' || code === 'EPERM') {
      throw new UsageError(`${path} cannot be read: permission denied.`, { cause: error });
    }
    throw error;
  }
  try {
    if (!(await file.stat()).isFile()) throw new UsageError(`${path} is not a file.`);
    return await use(file);
  } finally {
    await file.close();
  }
}

/** A whole file's bytes; throws as withFile does. */
export function readBytes(path: string): Promise<Buffer> {
  return withFile(path, (file) => file.readFile());
}

/** A file's JSON value; throws UsageError where the file is missing or not JSON. */
export async function readJson(path: string): Promise<unknown> {
  const text = (await readBytes(path)).toString();
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new UsageError(`${path} is not JSON; get the file again.`, { cause: error });
  }
}

/** Whether a file lies at `path`; a folder is no file. */
export async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
