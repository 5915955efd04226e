// Tests of Unigram tokenizers in T5's layout. Golden ids are those of tokenizers 0.23.3 and sentencepiece
// 0.2.3, written by files/make-unigram.py.
import { copyFile, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { charactersMapFault } from '../../../harness/data/tokenizers/files/precompiled-charsmap.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { convertT5 } from '../../../harness/data/tokenizers/files/sentencepiece.ts';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const here = join(import.meta.dirname, 'files');
const golden = JSON.parse(await readFile(join(here, 'unigram-golden.json'), 'utf8')) as {
  readonly cases: readonly { text: string; ids: number[]; with_special: number[]; decoded: string }[];
};

describe("a Unigram tokenizer laid out as T5's", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await temporaryFolder();
    await copyFile(join(here, 'unigram.json'), join(folder, 'tokenizer.json'));
  });

  it.each(['tokenizer.json', 'spiece.model'])('equals the reference, read from %s', async (file) => {
    if (file === 'spiece.model') {
      await rm(join(folder, 'tokenizer.json'));
      await copyFile(join(here, 'unigram.model'), join(folder, file));
      await writeFile(join(folder, 'tokenizer_config.json'), '{"extra_ids": 4}');
    }
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.vocabSize).toBe(304);
    expect([tokenizer.padId, tokenizer.eosId]).toEqual([0, 1]);
    for (const { text, ids, with_special, decoded } of golden.cases) {
      expect(tokenizer.encode(text), text).toEqual(ids);
      expect(tokenizer.encode(text, { specialTokens: true }), text).toEqual(with_special);
      expect(tokenizer.decode(with_special, { skipSpecialTokens: true }), text).toBe(decoded);
    }
  });

  it('may have its map of characters among other normalisers', async () => {
    const path = join(folder, 'tokenizer.json');
    const json = JSON.parse(await readFile(path, 'utf8')) as { normalizer: unknown };
    const normalizers = [json.normalizer, { type: 'Lowercase' }];
    await writeFile(path, JSON.stringify({ ...json, normalizer: { type: 'Sequence', normalizers } }));
    const tokenizer = await loadTokenizer(folder);
    expect(tokenizer.encode('BANE ﬁ')).toEqual(tokenizer.encode('bane fi'));
  });

  it('is refused with a broken map of characters', async () => {
    const path = join(folder, 'tokenizer.json');
    const json = JSON.parse(await readFile(path, 'utf8')) as { normalizer: { precompiled_charsmap: string } };
    json.normalizer.precompiled_charsmap = json.normalizer.precompiled_charsmap.slice(0, 40);
    await writeFile(path, JSON.stringify(json));
    await expect(loadTokenizer(folder)).rejects.toThrow(UsageError);
    await expect(loadTokenizer(folder)).rejects.toThrow('its map of characters is cut short');
  });
});

describe('a map of characters is refused that', () => {
  /** Encodes a map of characters: a trie of units and the texts that its leaves refer to. */
  const map = (units: readonly number[], texts: Uint8Array = new Uint8Array()): string =>
    Buffer.concat([new Uint8Array(Uint32Array.of(4 * units.length, ...units).buffer), texts]).toString(
      'base64',
    );

  it.each([
    ['is not base64', 'AAAA====', /not base64/],
    ['has no trie', map([]), /cut short/],
    ['leads behind its end', map([0xffffffff]), /points outside itself/],
    // The unit of "a" announces a leaf beyond the end of the trie.
    [
      'has a leaf behind its end',
      map([0, ...Array<number>(96).fill(0), 0x161 | (400 << 10)]),
      /points outside/,
    ],
    ['maps to no text', map([0], Uint8Array.of(0xff)), /not UTF-8/],
  ])('%s', (_, base64, why) => {
    expect(charactersMapFault(base64)).toMatch(why);
  });
});

it('a spiece.model that is none, cut short or of another kind is refused', async () => {
  const bytes = await readFile(join(here, 'unigram.model'));
  expect(() => convertT5('spiece.model', bytes.subarray(0, 500), 100)).toThrow('it was cut short');
  expect(() => convertT5('spiece.model', new Uint8Array(), 100)).toThrow('it has no pieces');
  // A model with one piece and a trainer of kind 2 (not unigram).
  const pair = Uint8Array.of(10, 3, 10, 1, 97, 18, 2, 24, 2);
  expect(() => convertT5('spiece.model', pair, 100)).toThrow(
    'it is no unigram model, it has no <unk> or no </s>',
  );
});
