// Tests of converting SentencePiece models, which are encoded here field by field.
import { expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { convertSentencePiece } from '../../../harness/data/tokenizers/files/sentencepiece.ts';

/** Encodes a field that holds bytes or a message. */
const nested = (field: number, content: readonly number[]): number[] => [
  8 * field + 2,
  content.length,
  ...content,
];
const text = (value: string): number[] => [...Buffer.from(value)];
const float = (value: number): number[] => [...new Uint8Array(Float32Array.of(value).buffer)];
const piece = (word: string, score: number, type = 1): number[] =>
  nested(1, [...nested(1, text(word)), 8 * 2 + 5, ...float(score), 8 * 3, type]);

const pieces = [
  ...piece('<unk>', 0, 2),
  ...piece('<s>', 0, 3),
  ...piece('▁a', -1),
  ...piece('▁ab', -2),
  ...piece('▁', -3),
  ...piece('a', -4),
  ...piece('b', -5),
  ...piece('ab', -1.5),
];
const bytePair = nested(2, [8 * 3, 2]);
/** Normalizer settings that keep spaces as they are. */
const plain = nested(3, [8 * 4, 0]);
const convert = (bytes: readonly number[]): ReturnType<typeof convertSentencePiece> =>
  convertSentencePiece('tokenizer.model', Uint8Array.from(bytes));

it('orders merges by score, then by the ids of what they join', () => {
  const { json } = convert([...pieces, ...bytePair, ...plain]);
  expect((json.model as { merges: unknown }).merges).toEqual([
    ['▁', 'a'],
    ['a', 'b'],
    ['▁a', 'b'],
    ['▁', 'ab'],
  ]);
});

it.each([
  ['nothing', [], /it has no pieces/],
  ['a length beyond the end', [...pieces, ...bytePair, 8 + 2, 100, 1], /it was cut short/],
  ['a number without an end', [8 * 9, ...Array<number>(10).fill(255)], /a number has no end/],
  ['an unknown form', [8 * 9 + 3], /unknown form 3/],
  ['a piece without text', nested(1, [8 * 3, 1]), /a piece has no text/],
  [
    'a score of five bytes',
    nested(1, [...nested(1, text('a')), ...nested(2, [1, 2, 3, 4, 5])]),
    /a score is no float/,
  ],
  ['a message that is a number', [8 * 1, 1], /a message is a number/],
  ['a unigram model', [...pieces, ...nested(2, [8 * 3, 1]), ...plain], /it is no byte-pair model/],
  ['a model that removes spaces', [...pieces, ...bytePair], /it removes spaces\. Save its tokenizer\.json/],
  [
    'a model that rewrites characters',
    [...pieces, ...bytePair, ...nested(3, [...nested(2, [1, 2]), 8 * 4, 0])],
    /it rewrites characters/,
  ],
])('refuses %s', (_, bytes, reason) => {
  expect(() => convert(bytes)).toThrow(UsageError);
  expect(() => convert(bytes)).toThrow(reason);
});
