/** Components of tokenizer.json that several tokenizer classes share. */
import type { JsonObject } from '../../../support/json/json-object.ts';
import type { ClassInput } from './tokenizer-class.ts';

/**
 * The component that maps bytes to GPT-2's letters; it serves as pre-tokenizer, post-processor and decoder.
 */
export const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** Reads a setting as Python's `if` reads it; a missing setting or null counts as `absent`. */
export const flag = (value: unknown, absent: boolean): boolean =>
  value === undefined || value === null ? absent : Boolean(value);

/** Builds the `model` of a byte-pair tokenizer with GPT-2's options. */
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

/** Builds the decoder of Llama's tokenizers; `strips` removes the space that is put before a text. */
export const metaspaceDecoder = (strips: boolean): JsonObject => ({
  type: 'Sequence',
  decoders: [
    { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
    { type: 'ByteFallback' },
    { type: 'Fuse' },
    ...(strips ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
  ],
});

/** Builds the components of GPT-2, which RoBERTa and DeBERTa share. */
export const byteLevelComponents = (input: ClassInput): JsonObject => ({
  model: bytePairs(input),
  normalizer: null,
  pre_tokenizer: { ...byteLevel, add_prefix_space: flag(input.settings.add_prefix_space, false) },
  decoder: byteLevel,
});

/** Returns a vocabulary as an object from token to id; in a list, a token's index is its id. */
export const vocabularyOf = (vocab: unknown): unknown =>
  Array.isArray(vocab)
    ? Object.fromEntries(
        vocab.map((entry: unknown, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]),
      )
    : vocab;

/** Builds the component that writes spaces as SentencePiece's "▁"; it serves as pre-tokenizer and decoder. */
export const metaspace = (prepend_scheme: string, split: boolean): JsonObject => ({
  type: 'Metaspace',
  replacement: '▁',
  prepend_scheme,
  split,
});
