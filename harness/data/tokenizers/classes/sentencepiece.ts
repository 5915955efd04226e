/** Tokenizer classes with SentencePiece vocabularies: Llama 2, T5 and DeBERTa 2. */
import type { JsonObject } from '../../../support/json/json-object.ts';
import { bertTokens } from './bert.ts';
import { bytePairs, flag, metaspace, metaspaceDecoder } from './components.ts';
import { bertTemplate, template } from './templates.ts';
import type { ClassInput, TokenizerClass } from './tokenizer-class.ts';

/** The class LlamaTokenizer, for byte-pair vocabularies of SentencePiece. */
export const llama: TokenizerClass = {
  tokens: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
  components: (input) => {
    const prefix = flag(input.settings.add_prefix_space, true);
    const scheme = flag(input.settings.legacy, false) ? 'always' : 'first';
    return {
      model: {
        ...bytePairs(input),
        continuing_subword_prefix: null,
        end_of_word_suffix: null,
        fuse_unk: true,
        byte_fallback: true,
      },
      normalizer: null,
      pre_tokenizer: metaspace(prefix ? scheme : 'never', false),
      decoder: metaspaceDecoder(prefix),
    };
  },
};

/** The class T5Tokenizer: a unigram vocabulary and 100 tokens <extra_id_…> by default. */
export const t5: TokenizerClass = {
  tokens: { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
  components: ({ vocab, charactersMap: map }) => ({
    model: { type: 'Unigram', unk_id: 2, byte_fallback: false, vocab },
    normalizer: map === undefined ? null : { type: 'Precompiled', precompiled_charsmap: map },
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
    const end = id(String(token('eos_token')));
    const pair = ['$A', '</s>', '$B', '</s>'];
    return template(
      ['$A', '</s>'],
      pair.map((name) => [name, 0]),
      () => end,
    );
  },
};

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
  postProcessor: ({ token }, id) => bertTemplate(String(token('cls_token')), String(token('sep_token')), id),
};

/**
 * Returns the index of the unknown token's piece if its score is 0, else the setting `unk_id` (1 by default).
 */
function debertaUnknownId({ vocab, settings, token }: ClassInput): unknown {
  const isUnknown = (entry: unknown): boolean =>
    Array.isArray(entry) && entry[0] === token('unk_token') && entry[1] === 0;
  const found = Array.isArray(vocab) ? vocab.findIndex(isUnknown) : -1;
  return found < 0 ? (settings.unk_id ?? 1) : found;
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
