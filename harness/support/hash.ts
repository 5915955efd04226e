/**
 * sha256 of files, texts and arrays. Records and checks of data hold these hashes, so no output may change.
 */
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { withFile } from './read-files.ts';

const known = new Map<string, Promise<string>>();

/**
 * Gives the sha256 of a file's bytes as 64 hexadecimal digits; keeps it until the file's size or time of
 * change differs.
 */
export async function hashFile(path: string): Promise<string> {
  const { size, mtimeMs } = await stat(path);
  const key = `${size} ${mtimeMs} ${path}`;
  let hash = known.get(key);
  if (hash === undefined) {
    hash = digestFile(path, 'sha256');
    known.set(key, hash);
    hash.catch(() => known.delete(key));
  }
  return hash;
}

/**
 * Gives the digest of `prefix` and a file's bytes in hexadecimal digits; throws the signal's reason once it
 * is aborted.
 */
export async function digestFile(
  path: string,
  algorithm: 'sha1' | 'sha256',
  prefix = '',
  signal?: AbortSignal,
): Promise<string> {
  const hash = createHash(algorithm).update(prefix);
  await withFile(path, async (file) => {
    const chunk = Buffer.alloc(1 << 20);
    for (let bytesRead; ({ bytesRead } = await file.read(chunk)).bytesRead > 0;) {
      signal?.throwIfAborted();
      hash.update(chunk.subarray(0, bytesRead));
    }
  });
  return hash.digest('hex');
}

/** Gives the sha256 of bytes, or of a text in UTF-8, as 64 hexadecimal digits. */
export function sha256(content: string | Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Gives one sha256 for several files: that of the lines `<sha256>  <name>`, sorted by name. */
export async function hashFiles(files: Record<string, string>): Promise<string> {
  const hash = createHash('sha256');
  for (const name of Object.keys(files).sort()) hash.update(`${await hashFile(files[name]!)}  ${name}\n`);
  return hash.digest('hex');
}

/**
 * Gives the sha256, as 64 hexadecimal digits, of a text followed by labelled arrays. The arrays may come one
 * by one, so that they need not all be in memory.
 */
export async function hashArrays(
  text: string,
  arrays: Iterable<readonly [string, Float32Array]> | AsyncIterable<readonly [string, Float32Array]>,
): Promise<string> {
  const hash = createHash('sha256').update(text);
  for await (const [label, { buffer, byteOffset, byteLength }] of arrays) {
    hash.update(label).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex');
}
