/**
 * METEOR's paraphrase table: fetches it, keeps it in a compact file with its hash, and finds paraphrases in
 * it.
 */
import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { isThere, readBytes, withFile } from '../../support/read-files.ts';
import { downloadWheel } from '../../support/network/python-wheel.ts';
import { readZip, unzip } from '../../support/zip.ts';
import type { Match } from './aligner.ts';

/**
 * METEOR 1.5's English paraphrases: the PyPI package that contains them, the path inside it, and their
 * sha256.
 */
const PACKAGE = 'pycocoevalcap==1.2';
const MEMBER = 'pycocoevalcap/meteor/data/paraphrase-en.gz';
const SHA256 = 'c147ac7d2c91f2fbb3ad31e4b352235061eb83145e0434daf217ee9ca5975f48';
/** The largest file to read, and the largest size to unpack; both are several times the real sizes. */
const LARGEST_FILE = 5e8;
const LARGEST_TABLE = 2e9;

const CACHE_FILE = 'meteor-paraphrases-2.bin';
/** The name of the compact file in earlier versions, which had no hash. */
const OLD_CACHE_FILE = 'meteor-paraphrases-1.bin';
/** Identifies the file's layout and its version. */
const MAGIC = Buffer.from('DBMETEO2');
/** The length of the header: magic, sha256 of the rest, four lengths. */
const HEADER = MAGIC.length + 32 + 16;
const PARAPHRASE = 3;
/** The longest phrase of the table, in words. */
const LONGEST = 7;
/** The most words that numbers of 16 bits can name. */
const MOST_WORDS = 1 << 16;

/**
 * METEOR's paraphrase table in arrays that are read from the cache file as they are:
 *
 *   header   magic (8 bytes), sha256 of the rest (32), and as uint32: words, sources, length of `phrases`,
 *            bytes of the word list
 *   first    by word: the first source that starts with it (uint32, one more at the end)
 *   offsets  by source: where its entry starts in `phrases` (uint32, one more at the end)
 *   phrases  by source: length and words of the source, then of each target (uint16)
 *   words    UTF-8, one a line, in the order of their numbers
 *
 * Words are numbered in sorted order, so sources that are sorted as text are sorted as numbers, too.
 */
export class ParaphraseTable {
  readonly #ids: Map<string, number>;
  readonly #first: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #phrases: Uint16Array;

  /**
   * Reads the compact file; throws UsageError, with the reason alone, for bytes that `compactTable` did not
   * write.
   */
  constructor(file: Buffer) {
    // A view must start at a multiple of its element size, so other starts are copied.
    const bytes = file.byteOffset % 4 === 0 ? file : Buffer.from(new Uint8Array(file).buffer);
    if (bytes.length < HEADER || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) {
      throw new UsageError('it is of another version, or no such table');
    }
    const sum = createHash('sha256').update(bytes.subarray(MAGIC.length + 32));
    if (!sum.digest().equals(bytes.subarray(MAGIC.length, MAGIC.length + 32))) {
      throw new UsageError('it is damaged: its sha256 differs');
    }
    const [words = 0, sources = 0, length = 0, wordBytes = 0] = new Uint32Array(
      bytes.buffer,
      bytes.byteOffset + HEADER - 16,
      4,
    );
    const at = { offsets: HEADER + 4 * (words + 1), phrases: HEADER + 4 * (words + sources + 2) };
    const list = bytes
      .subarray(at.phrases + 2 * length)
      .toString()
      .split('\n');
    if (bytes.length !== at.phrases + 2 * length + wordBytes || list.length !== words) {
      throw new UsageError('its lengths do not fit together');
    }
    this.#first = new Uint32Array(bytes.buffer, bytes.byteOffset + HEADER, words + 1);
    this.#offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + at.offsets, sources + 1);
    this.#phrases = new Uint16Array(bytes.buffer, bytes.byteOffset + at.phrases, length);
    if (!isSorted(this.#first, sources) || !isSorted(this.#offsets, length)) {
      throw new UsageError('its places are not in order');
    }
    this.#ids = new Map(list.map((word, id) => [word, id]));
  }

  /** The number of a word; −1 if no phrase contains it. */
  wordId(word: string): number {
    return this.#ids.get(word) ?? -1;
  }

  /**
   * Finds the paraphrases of two sentences, given as word numbers: first entries whose source occurs in the
   * reference, by place, then entries whose source occurs in the hypothesis. Duplicates stay, because
   * METEOR's coverage counts them.
   */
  matches(hypothesis: readonly number[], reference: readonly number[]): Match[] {
    const found: Match[] = [];
    this.#find(reference, hypothesis, (start, length, other, otherLength) => {
      found.push(match(start, length, other, otherLength));
    });
    this.#find(hypothesis, reference, (start, length, other, otherLength) => {
      found.push(match(other, otherLength, start, length));
    });
    return found;
  }

  /** Calls `add` for each entry whose source occurs in `text` and whose target occurs in `other`. */
  #find(
    text: readonly number[],
    other: readonly number[],
    add: (start: number, length: number, otherStart: number, otherLength: number) => void,
  ): void {
    const phrases = this.#phrases;
    const places = new Set(other);
    for (let start = 0; start < text.length; start++) {
      const word = text[start]!;
      if (word < 0) continue;
      let low = this.#first[word]!;
      let high = this.#first[word + 1]!;
      for (let length = 1; length <= LONGEST && start + length <= text.length && low < high; length++) {
        if (length > 1) {
          const next = text[start + length - 1]!;
          low = this.#bound(low, high, length - 1, next);
          high = this.#bound(low, high, length - 1, next + 1);
        }
        // Sources with the same beginning are ordered by length, the shortest first.
        if (low === high || phrases[this.#offsets[low]!] !== length) continue;
        const end = this.#offsets[low + 1]!;
        for (let at = this.#offsets[low]! + 1 + length; at < end; at += 1 + phrases[at]!) {
          if (!places.has(phrases[at + 1]!)) continue;
          const size = phrases[at]!;
          for (let i = 0; i + size <= other.length; i++) {
            let k = 0;
            while (k < size && other[i + k] === phrases[at + 1 + k]) k++;
            if (k === size) add(start, length, i, size);
          }
        }
      }
    }
  }

  /**
   * The first source in [low, high) whose word at `depth` is at least `word`; sources that end before `depth`
   * sort first.
   */
  #bound(low: number, high: number, depth: number, word: number): number {
    while (low < high) {
      const middle = (low + high) >>> 1;
      const at = this.#offsets[middle]!;
      const found = this.#phrases[at]! > depth ? this.#phrases[at + 1 + depth]! : -1;
      if (found < word) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

function match(
  reference: number,
  referenceLength: number,
  hypothesis: number,
  hypothesisLength: number,
): Match {
  return { reference, candidate: { module: PARAPHRASE, referenceLength, hypothesis, hypothesisLength } };
}

/** Whether offsets start at 0, never decrease, and end at `end`. */
function isSorted(places: Uint32Array, end: number): boolean {
  for (let i = 1; i < places.length; i++) if (places[i]! < places[i - 1]!) return false;
  return places[0] === 0 && places.at(-1) === end;
}

/**
 * Loads the table from the cache folder; undefined if it was not fetched; throws UsageError if it cannot be
 * trusted.
 */
export async function loadParaphrases(cacheFolder: string): Promise<ParaphraseTable | undefined> {
  const file = path.join(cacheFolder, CACHE_FILE);
  const old = path.join(cacheFolder, OLD_CACHE_FILE);
  const remedy = '`fetch meteor` brings it again; without it METEOR has no paraphrases, and another name';
  if (!(await isThere(file))) {
    if (!(await isThere(old))) return undefined;
    throw new UsageError(
      `${old} is METEOR's paraphrase table as it was kept before it had a hash: ${remedy}.`,
    );
  }
  const bytes = await readBytes(file);
  try {
    return new ParaphraseTable(bytes);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const reason = `is not METEOR's paraphrase table as it was kept: ${error.message}`;
    throw new UsageError(`${file} ${reason}. Remove it; ${remedy}.`, { cause: error });
  }
}

/**
 * Fetches METEOR's paraphrase table into the cache folder and returns the path of its compact file: from
 * `file` (paraphrase-en.gz or the pycocoevalcap wheel), else from PyPI through pip. Throws UsageError if the
 * file is missing, another one or damaged, or if pip fails.
 */
export async function fetchMeteorTable({
  cacheFolder,
  file,
}: {
  readonly cacheFolder: string;
  readonly file?: string | undefined;
}): Promise<string> {
  const given = file === undefined ? await downloadWheel(PACKAGE, cacheFolder) : await readGiven(file);
  let compact: Buffer;
  try {
    compact = await compactTable(theTable(given));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new UsageError(
      `${file ?? PACKAGE} is not METEOR's English paraphrase table: ${error.message}; ` +
        `give paraphrase-en.gz or the wheel of ${PACKAGE}.`,
      { cause: error },
    );
  }
  const target = path.join(cacheFolder, CACHE_FILE);
  await makeFolder(cacheFolder);
  await writeFileAtomic(target, compact);
  await rm(path.join(cacheFolder, OLD_CACHE_FILE), { force: true });
  return target;
}

/** Extracts the table from its own file or from the wheel; throws UsageError with the reason alone. */
function theTable(given: Buffer): Buffer {
  let table = given;
  if (given.subarray(0, 4).equals(Buffer.from('PK\x03\x04', 'latin1'))) {
    const member = readZip(given).get(MEMBER);
    if (!member) throw new UsageError(`it is an archive without ${MEMBER}`);
    table = unzip(member, LARGEST_FILE);
  }
  const digest = createHash('sha256').update(table).digest('hex');
  if (digest === SHA256) return table;
  throw new UsageError(`its sha256 is ${digest}, expected ${SHA256}`);
}

/** Reads a file that the user named, unless it is far larger than the table. */
async function readGiven(file: string): Promise<Buffer> {
  return withFile(file, async (handle) => {
    const { size } = await handle.stat();
    if (size <= LARGEST_FILE) return handle.readFile();
    throw new UsageError(`${file} has ${size} bytes: it is not METEOR's table, nor the wheel of ${PACKAGE}.`);
  });
}

/** Yields a buffer in pieces, so that a slow consumer holds back the reader. */
function* pieces(buffer: Buffer): Generator<Buffer> {
  const size = 1 << 18;
  for (let at = 0; at < buffer.length; at += size) yield buffer.subarray(at, at + size);
}

/**
 * Yields lines of gzipped UTF-8 text in batches; throws UsageError, with the reason alone, if it cannot be
 * unpacked.
 */
async function* gunzipLines(table: Buffer): AsyncGenerator<string[]> {
  const text = Readable.from(pieces(table))
    .pipe(createGunzip({ chunkSize: 1 << 20 }))
    .setEncoding('utf8');
  let rest = '';
  let size = 0;
  try {
    for await (const chunk of text) {
      size += (chunk as string).length;
      if (size > LARGEST_TABLE) throw new UsageError(`it unpacks to more than ${LARGEST_TABLE} bytes`);
      const lines = (rest + (chunk as string)).split('\n');
      rest = lines.pop()!;
      yield lines;
    }
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError('it cannot be unpacked; it is damaged, or no gzip file', { cause: error });
  }
  if (rest !== '') yield [rest];
}

/** An array of numbers that doubles its capacity as it grows. */
class Numbers {
  array = new Uint16Array(1 << 20);
  length = 0;

  push(value: number): void {
    if (this.length === this.array.length) {
      const larger = new Uint16Array(2 * this.length);
      larger.set(this.array);
      this.array = larger;
    }
    this.array[this.length++] = value;
  }
}

/**
 * Converts METEOR's table (three lines an entry: an ignored number, source, target; sorted by source) into
 * the compact file of ParaphraseTable. Throws UsageError, with the reason alone, for anything else.
 */
export async function compactTable(table: Buffer): Promise<Buffer> {
  let line = 0;
  const ids = new Map<string, number>();
  const phrases = new Numbers();
  const offsets: number[] = [];
  const pushPhrase = (phrase: string): void => {
    const words = phrase.split(' ', LONGEST + 1);
    if (words.length > LONGEST)
      throw new UsageError(`line ${line} has a phrase of more than ${LONGEST} words`);
    phrases.push(words.length);
    for (const word of words) {
      let id = ids.get(word);
      if (id === undefined) ids.set(word, (id = ids.size));
      if (id === MOST_WORDS) throw new UsageError(`it has more than ${MOST_WORDS} words`);
      phrases.push(id);
    }
  };
  let source: string | undefined;
  for await (const lines of gunzipLines(table)) {
    for (const text of lines) {
      const kind = line++ % 3;
      if (kind === 2) pushPhrase(text);
      if (kind !== 1 || text === source) continue;
      source = text;
      offsets.push(phrases.length);
      pushPhrase(text);
    }
  }
  if (line === 0 || line % 3 !== 0) throw new UsageError('its last entry is not whole');
  offsets.push(phrases.length);

  const words = [...ids.keys()].sort();
  const numbers = new Uint16Array(words.length);
  for (const [number, word] of words.entries()) numbers[ids.get(word)!] = number;
  const all = phrases.array.subarray(0, phrases.length);
  for (let at = 0; at < all.length; at += 1 + all[at]!) {
    for (let k = 1; k <= all[at]!; k++) all[at + k] = numbers[all[at + k]!]!;
  }
  const first = new Uint32Array(words.length + 1);
  for (const offset of offsets.slice(0, -1)) first[all[offset + 1]! + 1]!++;
  for (let word = 0; word < words.length; word++) first[word + 1]! += first[word]!;

  const list = Buffer.from(words.join('\n'));
  const lengths = Uint32Array.of(words.length, offsets.length - 1, all.length, list.length);
  const arrays = [lengths, first, Uint32Array.from(offsets), all].map((part) =>
    Buffer.from(part.buffer, part.byteOffset, part.byteLength),
  );
  const body = [...arrays, list];
  const hash = body.reduce((sum, part) => sum.update(part), createHash('sha256'));
  return Buffer.concat([MAGIC, hash.digest(), ...body]);
}
