/**
 * Keeps encoded examples in the cache folder, because encoding a data set takes longer than reading its
 * tokens.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { readBytes } from '../../support/read-files.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { cacheFolder } from '../../support/cache-folder.ts';

/**
 * First 8 bytes of a cache file; the digit changes with the layout and with the encoder (2: the Rust
 * library). The sha256 of the rest follows, then as uint32 the number of rows, each row's length, and all
 * ids.
 */
const magic = Buffer.from('DBTOKEN2');

/**
 * Returns the rows of token ids stored for `key`, or calls `make` and stores its rows. `key` must hold all
 * that the ids depend on: hashes of data and tokenizer, and how examples become tokens.
 */
export async function cachedTokens(
  key: Readonly<Record<string, unknown>>,
  make: () => Promise<Int32Array[]>,
): Promise<Int32Array[]> {
  const folder = join(cacheFolder(), 'tokens');
  const path = join(folder, hashJson(key));
  const stored = await readBytes(path).then(unpack, () => undefined);
  if (stored) return stored;
  const rows = await make();
  // If the cache cannot be written, the run goes on: the tokens are only made again next time.
  await makeFolder(folder)
    .then(() => writeFileAtomic(path, pack(rows)))
    .catch(() => undefined);
  return rows;
}

function pack(rows: readonly Int32Array[]): Buffer {
  const words = new Int32Array(1 + rows.length + sum(rows.map(({ length }) => length)));
  words[0] = rows.length;
  let at = 1 + rows.length;
  rows.forEach((row, i) => {
    words[1 + i] = row.length;
    words.set(row, at);
    at += row.length;
  });
  const body = Buffer.from(words.buffer);
  return Buffer.concat([magic, createHash('sha256').update(body).digest(), body]);
}

/**
 * Returns the rows of a file that `pack` made; undefined for any other file, whose rows are then made again.
 */
function unpack(file: Buffer): Int32Array[] | undefined {
  const body = file.subarray(magic.length + 32);
  const digest = createHash('sha256').update(body).digest();
  if (
    !file.subarray(0, magic.length).equals(magic) ||
    !file.subarray(magic.length, -body.length).equals(digest)
  ) {
    return undefined;
  }
  // A Buffer may begin at any byte, but an Int32Array only at a multiple of 4, hence the copy.
  const words = new Int32Array(new Uint8Array(body).buffer);
  let at = 1 + words[0]!;
  return Array.from({ length: words[0]! }, (_, i) => words.slice(at, (at += words[1 + i]!)));
}
