/**
 * Reads the documents out of the packages that pretraining-text.ts fetches: the Bible, Austen's novels and
 * WordNet.
 */
import { execa } from 'execa';
import { inflateSync } from 'node:zlib';
import { UsageError } from '../../support/errors.ts';

/**
 * Reads the chapters of the King James Bible from bible.data of Debian's bible-kjv-text, whose windows of
 * text are each packed by compress. Throws UsageError for another layout.
 */
export async function readBible(bytes: Buffer): Promise<string[]> {
  if (bytes.toString('latin1', 0, 4) !== 'EC02' || bytes.length < firstOffset) throw notRead('bible.data');
  const windows = bytes.readUInt32BE(firstOffset - 4);
  if (bytes.length < firstOffset + 4 * windows) throw notRead('bible.data');
  const offset = (i: number): number =>
    i < windows ? bytes.readUInt32BE(firstOffset + 4 * i) : bytes.length;
  let text = '';
  for (let i = 0; i < windows; i++) {
    // Only the first window has compress's header, so each is unpacked with the header put before it.
    const input = Buffer.concat([compressHeader, bytes.subarray(offset(i), offset(i + 1))]);
    const { stdout } = await execa('gzip', ['-dc'], {
      input,
      encoding: 'buffer',
      stripFinalNewline: false,
    });
    text += Buffer.from(stdout).toString('latin1');
  }
  const chapters = new Map<string, string[]>();
  for (const line of text.split('\n')) {
    const [, chapter, verse] = /^(\d?[A-Za-z]+\d+):\d+ +(.+)$/.exec(line) ?? [];
    if (chapter === undefined || verse === undefined) continue;
    const verses = chapters.get(chapter);
    if (verses) verses.push(verse.trim());
    else chapters.set(chapter, [verse.trim()]);
  }
  return Array.from(chapters.values(), (verses) => verses.join(' '));
}

const compressHeader = Buffer.from([0x1f, 0x9d, 0x90]);
/** Byte offset of the table of window offsets; the four bytes before it hold the number of windows. */
const firstOffset = 0x5c;

/**
 * Reads the paragraphs of Jane Austen's novels from Rdata.rdb of R's janeaustenr: one serialized and deflated
 * vector of lines per novel. Throws UsageError for another layout.
 */
export function readAusten(bytes: Buffer): string[] {
  const paragraphs: string[] = [];
  for (let at = 0; at + 4 < bytes.length;) {
    // The first four bytes hold the unpacked length, which inflateSync does not need.
    const { buffer, engine } = inflateSync(bytes.subarray(at + 4), { info: true }) as unknown as {
      readonly buffer: Buffer;
      readonly engine: { readonly bytesWritten: number };
    };
    paragraphs.push(
      ...linesOf(buffer)
        .join('\n')
        .split(/\n\s*\n/),
    );
    at += 4 + engine.bytesWritten;
  }
  // A paragraph without a sentence is a title page or a heading.
  return paragraphs
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => /[a-z].*[.!?]/.test(text));
}

/** Reads the strings of a character vector that R serialized: big-endian, version 3 ("R Internals", 1.8). */
function linesOf(bytes: Buffer): string[] {
  const encoding = 14;
  let at = encoding + 4 + bytes.readUInt32BE(encoding);
  const next = (): number => bytes.readInt32BE((at += 4) - 4);
  if (bytes.toString('latin1', 0, 2) !== 'X\n' || (next() & 255) !== characterVector)
    throw notRead('Rdata.rdb');
  return Array.from({ length: next() }, () => {
    next();
    const length = Math.max(0, next());
    return bytes.toString('utf8', at, (at += length));
  });
}

const characterVector = 16;

/**
 * Reads the entries of one of WordNet's files data.noun, data.verb, …, as `word, word: meaning; "example"`.
 */
export function readWordNet(bytes: Buffer): string[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, words, gloss] = /^\d{8} \d\d \w (.*?) \| (.*)$/.exec(line) ?? [];
      if (words === undefined || gloss === undefined) return [];
      // The words' field begins with their number in hexadecimal; then comes each word with a digit for its
      // sense.
      const [count = '', ...fields] = words.split(' ');
      const lemmas = fields.slice(0, 2 * parseInt(count, 16)).filter((_, i) => i % 2 === 0);
      const plain = lemmas.map((lemma) => lemma.replace(/\((a|p|ip)\)$/, '').replaceAll('_', ' '));
      return [`${plain.join(', ')}: ${gloss.replace(/\s+/g, ' ').trim()}`];
    });
}

const notRead = (file: string): UsageError =>
  new UsageError(
    `${file} is laid out in another way than is read here; take the package's version that is named.`,
  );
