// Tests of encoding prompts and targets: end tokens, truncation of one text and of two.
import { expect, test } from 'vitest';
import { encodePair } from '../../../harness/data/examples/encode-pair.ts';
import type { Tokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { truncatedLengths } from '../../../harness/data/examples/truncate-pair.ts';

// Each letter is a token, and 0 is the end token.
const needed: Pick<Tokenizer, 'encode' | 'eosId' | 'template'> = {
  encode: (text) => Array.from(text, (letter) => letter.charCodeAt(0)),
  eosId: 0,
  template: ([ids = []]) => ({ ids, types: [] }),
};
// encodePair uses no other field.
const tokenizer = needed as Tokenizer;
const shown = (ids: readonly number[]) =>
  ids.map((id) => (id === 0 ? '|' : String.fromCharCode(id))).join('');
const encode = (
  input: string | string[],
  target: string | undefined,
  promptLength: number,
  targetLength = 9,
) => {
  const pair = encodePair(input, target, tokenizer, { promptLength, targetLength });
  return [shown(pair.prompt), shown(pair.target)];
};

test('end tokens survive the cut', () => {
  expect(encode('question', 'answer', 20)).toEqual(['question|', 'answer|']);
  expect(encode('question', 'answer', 4, 3)).toEqual(['que|', 'an|']);
  expect(encode('question', undefined, 20)).toEqual(['question|', '']);
});

test('what the tokenizer begins texts with begins the prompt, and counts', () => {
  const begins: Tokenizer = {
    ...tokenizer,
    template: ([ids = []]) => ({ ids: [60, ...ids, 62], types: [] }),
  };
  const { prompt, target } = encodePair('question', 'answer', begins, { promptLength: 5, targetLength: 9 });
  expect([shown(prompt), shown(target)]).toEqual(['<que|', 'answer|']);
});

test('of two texts the longer is cut first, then both', () => {
  expect(encode(['abc', 'uvwxyz'], 'no', 20)[0]).toBe('abc|uvwxyz|');
  expect(encode(['abc', 'uvwxyz'], 'no', 9)[0]).toBe('abc|uvwx|');
  expect(encode(['abc', 'uvwxyz'], 'no', 6)[0]).toBe('ab|uv|');
});

test('without an end token nothing can be told apart', () => {
  const without: Tokenizer = { ...tokenizer };
  Reflect.deleteProperty(without, 'eosId');
  expect(() => encodePair('a', 'b', without, { promptLength: 4, targetLength: 4 })).toThrow(/no end token/);
});

// [lengths], limit, [lengths kept] of longest_first truncation in tokenizers 0.23.
test.each([
  [[3, 9], 8, [3, 5]],
  [[9, 3], 8, [5, 3]],
  [[5, 9], 7, [3, 4]],
  [[9, 5], 7, [4, 3]],
  [[6, 6], 7, [3, 4]],
  [[4, 4], 8, [4, 4]],
  [[1, 9], 1, [0, 1]],
  [[9], 4, [4]],
  [[2], 4, [2]],
])('%j cut to %i', (lengths, limit, kept) => {
  expect(truncatedLengths(lengths, limit)).toEqual(kept);
});
