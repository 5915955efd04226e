/** Components of tokenizer.json that several tokenizer classes share. */
import type { JsonObject } from '../../../support/json-object.ts';
import type { ClassInput } from './tokenizer-class.ts';

/** GPT-2's bytes as letters: a pre-tokenizer, a post-processor and a decoder alike. */
export const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** A setting as Python's `if` takes it; `absent` where it is missing or null. */
export const flag = (value: unknown, absent: boolean): boolean =>
  value === undefined || value === null ? absent : Boolean(value);

/** A model of byte pairs, with GPT-2's options. */
export const bytePairs = ({ vocab, merges }: ClassInput): JsonObject => ({
  type: 'BPE',
  dropout: null,
  unk_token: null,
  continuing_subword_prefix: '',
  end_of_word_suffix: '',
  fuse_unk: false,
  byte_fallback: false,
  vocab: vocabularyOf(vocab),
  merges,
});

/** GPT-2's components, which are also RoBERTa's and DeBERTa's. */
export const byteLevelComponents = (input: ClassInput): JsonObject => ({
  model: bytePairs(input),
  normalizer: null,
  pre_tokenizer: { ...byteLevel, add_prefix_space: flag(input.settings.add_prefix_space, false) },
  decoder: byteLevel,
});

/** A vocabulary as an object of ids by token; in a list, a token's index is its id. */
export const vocabularyOf = (vocab: unknown): unknown =>
  Array.isArray(vocab)
    ? Object.fromEntries(
        vocab.map((entry: unknown, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]),
      )
    : vocab;

/** SentencePiece's "▁" for spaces: a pre-tokenizer and a decoder alike. */
export const metaspace = (prepend_scheme: string, split: boolean): JsonObject => ({
  type: 'Metaspace',
  replacement: '▁',
  prepend_scheme,
  split,
});
