/** Tokenizer classes with SentencePiece vocabularies: Llama 2, Gemma, T5, XLM-RoBERTa, DeBERTa 2 and ALBERT. */
import type { JsonObject } from '../../../support/json/json-object.ts';
import { bertTokens } from './bert.ts';
import { robertaTokens } from './byte-level.ts';
import { bytePairs, flag, metaspace, metaspaceDecoder } from './components.ts';
import { bertTemplate, required, template } from './templates.ts';
import type { ClassInput, TokenizerClass } from './tokenizer-class.ts';

/** The class LlamaTokenizer, for byte-pair vocabularies of SentencePiece. */
export const llama: TokenizerClass = {
  tokens: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  components: (input) => {
    const prefix = flag(input.settings.add_prefix_space, true);
    const scheme = flag(input.settings.legacy, false) ? 'always' : 'first';
    return {
      model: pairsWithBytes(input),
      normalizer: null,
      pre_tokenizer: metaspace(prefix ? scheme : 'never', false),
      decoder: metaspaceDecoder(prefix),
    };
  },
};

/** Builds a byte-pair model that spells what it does not know in bytes. */
const pairsWithBytes = (input: ClassInput): JsonObject => ({
  ...bytePairs(input),
  continuing_subword_prefix: null,
  end_of_word_suffix: null,
  fuse_unk: true,
  byte_fallback: true,
});

/** The class GemmaTokenizer: byte pairs over whole texts, whose spaces are written as "▁". */
export const gemma: TokenizerClass = {
  tokens: {
    bos_token: '<bos>',
    eos_token: '<eos>',
    unk_token: '<unk>',
    pad_token: '<pad>',
    mask_token: '<mask>',
  },
  components: (input) => ({
    model: { ...pairsWithBytes(input), unk_token: String(input.token('unk_token')) },
    normalizer: { type: 'Replace', pattern: { String: ' ' }, content: '▁' },
    pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    decoder: metaspaceDecoder(false),
  }),
};

/** The class T5Tokenizer: a unigram vocabulary and 100 tokens <extra_id_…> by default. */
export const t5: TokenizerClass = {
  tokens: { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
  components: ({ vocab, charactersMap: map }) => ({
    model: { type: 'Unigram', unk_id: 2, byte_fallback: false, vocab },
    normalizer: precompiled(map),
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace('always', true)],
    },
    decoder: metaspace('always', true),
  }),
  extraTokens: ({ extra_ids: count = 100 }, pieces) => [
    ...pieces,
    ...Array.from({ length: Number(count) }, (_, i) => `<extra_id_${i}>`),
  ],
  postProcessor({ token }, id) {
    // transformers writes "</s>" here even if the end token has another name; only the id is read.
    const end = id(required(token, 'eos_token'));
    const pair = ['$A', '</s>', '$B', '</s>'];
    return template(
      ['$A', '</s>'],
      pair.map((name) => [name, 0]),
      () => end,
    );
  },
};

/** The class XLMRobertaTokenizer: a unigram vocabulary with RoBERTa's special tokens. */
export const xlmRoberta: TokenizerClass = {
  tokens: robertaTokens,
  components: (input) => {
    const { settings, charactersMap: map } = input;
    const spaces = metaspace(flag(settings.add_prefix_space, true) ? 'always' : 'never', true);
    return {
      model: { type: 'Unigram', unk_id: 3, byte_fallback: false, vocab: fairseqPieces(input) },
      normalizer: precompiled(map),
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, spaces] },
      decoder: spaces,
    };
  },
  postProcessor({ token }, id) {
    const [bos, eos] = [required(token, 'bos_token'), required(token, 'eos_token')];
    const pair = [bos, '$A', eos, eos, '$B', eos];
    return template(
      [bos, '$A', eos],
      pair.map((name) => [name, 0]),
      id,
    );
  },
};

/**
 * Returns the vocabulary with the ids of fairseq: a SentencePiece model's <unk>, <s> and </s> give way to the first
 * four special tokens, and the mask comes last. A tokenizer.json has these ids already.
 */
function fairseqPieces({ vocab, unknownId, token }: ClassInput): unknown {
  if (unknownId === undefined || !Array.isArray(vocab)) return vocab;
  // For a role that the files set to null, transformers writes Python's None as text.
  const special = (role: string): [string, number] => [token(role) ?? 'None', 0];
  const first = ['bos_token', 'pad_token', 'eos_token', 'unk_token'].map(special);
  return [...first, ...(vocab.slice(3) as unknown[]), special('mask_token')];
}

const precompiled = (map: string | undefined): JsonObject | null =>
  map === undefined ? null : { type: 'Precompiled', precompiled_charsmap: map };

/** The class DebertaV2Tokenizer: a unigram vocabulary with BERT's special tokens. */
export const debertaV2: TokenizerClass = {
  tokens: { bos_token: '[CLS]', eos_token: '[SEP]', ...bertTokens },
  components: (input) => {
    const { vocab, settings } = input;
    const spaces = metaspace(flag(settings.add_prefix_space, true) ? 'always' : 'first', true);
    return {
      model: { type: 'Unigram', unk_id: debertaUnknownId(input), byte_fallback: false, vocab },
      normalizer: debertaNormalizer(settings),
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          ...(flag(settings.split_by_punct, false) ? [{ type: 'Punctuation', behavior: 'Isolated' }] : []),
          spaces,
        ],
      },
      decoder: spaces,
    };
  },
  postProcessor: ({ token }, id) =>
    bertTemplate(required(token, 'cls_token'), required(token, 'sep_token'), id),
};

/**
 * Returns the index of the unknown token's piece if its score is 0, else that of the SentencePiece model, else the
 * setting `unk_id` (1 by default).
 */
function debertaUnknownId({ vocab, settings, token, unknownId }: ClassInput): unknown {
  const isUnknown = (entry: unknown): boolean =>
    Array.isArray(entry) && entry[0] === token('unk_token') && entry[1] === 0;
  const found = Array.isArray(vocab) ? vocab.findIndex(isUnknown) : -1;
  return found < 0 ? (unknownId ?? settings.unk_id ?? 1) : found;
}

const debertaNormalizer = (settings: Readonly<JsonObject>): JsonObject => ({
  type: 'Sequence',
  normalizers: [
    ...(flag(settings.do_lower_case, false) ? [{ type: 'Lowercase' }] : []),
    { type: 'Replace', pattern: { Regex: '\\s{2,}|[\\n\\r\\t]' }, content: ' ' },
    { type: 'NFC' },
    { type: 'Strip', strip_left: false, strip_right: true },
  ],
});

/** The class AlbertTokenizer: a unigram vocabulary, in small letters and without accents by default. */
export const albert: TokenizerClass = {
  tokens: {
    bos_token: '[CLS]',
    eos_token: '[SEP]',
    unk_token: '<unk>',
    sep_token: '[SEP]',
    pad_token: '<pad>',
    cls_token: '[CLS]',
    mask_token: '[MASK]',
  },
  components: ({ vocab, settings, charactersMap: map }) => {
    const spaces = metaspace(flag(settings.add_prefix_space, true) ? 'always' : 'never', true);
    const rewrites = precompiled(map);
    return {
      model: { type: 'Unigram', unk_id: 1, byte_fallback: false, vocab },
      normalizer: {
        type: 'Sequence',
        normalizers: [
          ...['``', "''"].map((quotes) => ({ type: 'Replace', pattern: { String: quotes }, content: '"' })),
          ...(flag(settings.keep_accents, false) ? [] : [{ type: 'NFKD' }, { type: 'StripAccents' }]),
          ...(flag(settings.do_lower_case, true) ? [{ type: 'Lowercase' }] : []),
          ...(rewrites ? [rewrites] : []),
        ],
      },
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, spaces] },
      decoder: spaces,
    };
  },
  yields: true,
  postProcessor: ({ token }, id) =>
    bertTemplate(required(token, 'cls_token'), required(token, 'sep_token'), id),
};
