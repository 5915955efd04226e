import { execa } from 'execa';
import { inflateSync } from 'node:zlib';
import { UsageError } from '../../support/errors.ts';

/**
 * The chapters of the King James Bible in bible.data of Debian's bible-kjv-text: windows of text, each packed
 * by compress.
 */
export async function readBible(bytes: Buffer): Promise<string[]> {
  if (bytes.toString('latin1', 0, 4) !== 'EC02' || bytes.length < firstOffset) throw notRead('bible.data');
  const windows = bytes.readUInt32BE(firstOffset - 4);
  if (bytes.length < firstOffset + 4 * windows) throw notRead('bible.data');
  const offset = (i: number): number =>
    i < windows ? bytes.readUInt32BE(firstOffset + 4 * i) : bytes.length;
  let text = '';
  for (let i = 0; i < windows; i++) {
    // compress's header stands before the first window only.
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
/** Before it stands how many windows there are. */
const firstOffset = 0x5c;

/** The paragraphs of the books in Rdata.rdb of R's janeaustenr: one vector of lines each, serialized and deflated. */
export function readAusten(bytes: Buffer): string[] {
  const paragraphs: string[] = [];
  for (let at = 0; at + 4 < bytes.length;) {
    // Four bytes tell the length that comes out.
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
  // Title pages and headings have no sentence.
  return paragraphs
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => /[a-z].*[.!?]/.test(text));
}

/** The strings of a character vector that R serialized ("R Internals", 1.8): big-endian, version 3. */
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

/** The entries of a file data.noun … of WordNet: `word, word: meaning; "example"`. */
export function readWordNet(bytes: Buffer): string[] {
  return bytes
    .toString('utf8')
    .split('\n')
    .flatMap((line) => {
      const [, words, gloss] = /^\d{8} \d\d \w (.*?) \| (.*)$/.exec(line) ?? [];
      if (words === undefined || gloss === undefined) return [];
      // How many there are, in hexadecimal digits, and then each with a digit that tells it from its like.
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
