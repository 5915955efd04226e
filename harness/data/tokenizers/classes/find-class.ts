import type { JsonObject } from '../../../support/json-object.ts';

// The tokenizer classes of transformers 5 that build a tokenizer anew from its vocabulary and from the settings of
// tokenizer_config.json: of a tokenizer.json they take vocabulary and merges, and some its post-processor, and let the rest go.

/** What a class is given. */
export interface ClassInput {
  readonly vocab: unknown;
  readonly merges: readonly unknown[];
  /** Of tokenizer_config.json. */
  readonly settings: Readonly<JsonObject>;
  /** A special token by its role, where it has one. */
  readonly token: (role: string) => string | undefined;
  /** SentencePiece's map of characters, base64. */
  readonly charactersMap: string | undefined;
}

export interface TokenizerClass {
  /** The special tokens by role, where the files name no others; null for a role that stays without. */
  readonly tokens: Readonly<Record<string, string | null>>;
  /** model, normalizer, pre_tokenizer and decoder of its tokenizer.json. */
  readonly parts: (input: ClassInput) => JsonObject;
  /** Its special tokens beside those of the roles where the files list none, of a SentencePiece model's; else those. */
  readonly extraTokens?: (settings: Readonly<JsonObject>, pieces: readonly unknown[]) => readonly unknown[];
  /** Whether it adds its special tokens once more, without what the files say of the spaces around them. */
  readonly addsSpecialAgain?: true;
  /** Its post_processor, whatever the files say; a class without one takes theirs. */
  readonly postProcessor?: (
    input: Pick<ClassInput, 'token' | 'settings'>,
    id: (token: string) => number,
  ) => JsonObject;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

/** Python's truth of a setting; absent and null are `missing`. */
const flag = (value: unknown, missing: boolean): boolean =>
  value === undefined || value === null ? missing : Boolean(value);

const bytePairs = ({ vocab, merges }: ClassInput): JsonObject => ({
  ...{ type: 'BPE', dropout: null, unk_token: null },
  ...{ continuing_subword_prefix: '', end_of_word_suffix: '', fuse_unk: false, byte_fallback: false },
  ...{ vocab: vocabularyOf(vocab), merges },
});

/** GPT-2's byte pairs, which RoBERTa and DeBERTa have, too. */
const byteLevelParts = (input: ClassInput): JsonObject => ({
  model: bytePairs(input),
  normalizer: null,
  pre_tokenizer: { ...byteLevel, add_prefix_space: flag(input.settings.add_prefix_space, false) },
  decoder: byteLevel,
});

/** Tokens to ids of a list, whose places are the ids. */
const vocabularyOf = (vocab: unknown): unknown =>
  Array.isArray(vocab)
    ? Object.fromEntries(
        vocab.map((entry: unknown, id) => [String(Array.isArray(entry) ? entry[0] : entry), id]),
      )
    : vocab;

/** A text between special tokens, a pair parted by them; names of tokens, and $A and $B for the texts with their types. */
function template(single: string[], pair: [string, number][], id: (token: string) => number): JsonObject {
  const piece = ([name, type_id]: [string, number]): JsonObject =>
    name === '$A' || name === '$B'
      ? { Sequence: { id: name.slice(1), type_id } }
      : { SpecialToken: { id: name, type_id } };
  const names = new Set(pair.map(([name]) => name).filter((name) => name !== '$A' && name !== '$B'));
  return {
    type: 'TemplateProcessing',
    single: single.map((name) => piece([name, 0])),
    pair: pair.map(piece),
    special_tokens: Object.fromEntries(
      Array.from(names, (name) => [name, { id: name, ids: [id(name)], tokens: [name] }]),
    ),
  };
}

/** [CLS] text [SEP] text [SEP]. */
const bertTemplate = (cls: string, sep: string, id: (token: string) => number): JsonObject =>
  template([cls, '$A', sep], [[cls, 0], ['$A', 0], [sep, 0], ['$B', 1], [sep, 1]], id); // prettier-ignore

/** What transformers puts around a text for add_bos_token and add_eos_token, where no post-processor is given. */
export function beginAndEnd(
  bos: string | undefined,
  eos: string | undefined,
  id: (token: string) => number,
): JsonObject {
  const around = (text: string, type: number): [string, number][] => [
    ...(bos === undefined ? [] : [[bos, type] as [string, number]]),
    [text, type],
    ...(eos === undefined ? [] : [[eos, type] as [string, number]]),
  ];
  return template(
    around('$A', 0).map(([name]) => name),
    [...around('$A', 0), ...around('$B', 1)],
    id,
  );
}

const bertTokens = {
  unk_token: '[UNK]',
  sep_token: '[SEP]',
  pad_token: '[PAD]',
  cls_token: '[CLS]',
  mask_token: '[MASK]',
};

const bert: TokenizerClass = {
  tokens: bertTokens,
  parts: ({ vocab, settings, token }) => ({
    model: {
      ...{ type: 'WordPiece', unk_token: String(token('unk_token')), vocab: vocabularyOf(vocab) },
      ...{ continuing_subword_prefix: '##', max_input_chars_per_word: 100 },
    },
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: flag(settings.tokenize_chinese_chars, true),
      strip_accents: settings.strip_accents ?? null,
      lowercase: flag(settings.do_lower_case, true),
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
  }),
  postProcessor: ({ token }, id) => bertTemplate(String(token('cls_token')), String(token('sep_token')), id),
};

const qwenWords =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

const metaspace = (prepend_scheme: string, split: boolean): JsonObject => ({
  ...{ type: 'Metaspace', replacement: '▁', prepend_scheme, split },
});

const classes: Readonly<Record<string, TokenizerClass>> = {
  GPT2Tokenizer: {
    tokens: {
      ...{ bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
      pad_token: null,
    },
    parts: byteLevelParts,
  },
  RobertaTokenizer: {
    tokens: {
      ...{ bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', sep_token: '</s>' },
      ...{ pad_token: '<pad>', cls_token: '<s>', mask_token: '<mask>' },
    },
    parts: byteLevelParts,
    postProcessor({ token, settings }, id) {
      const [sep, cls] = [String(token('sep_token')), String(token('cls_token'))];
      return {
        type: 'RobertaProcessing',
        sep: [sep, id(sep)],
        cls: [cls, id(cls)],
        trim_offsets: flag(settings.trim_offsets, true),
        add_prefix_space: flag(settings.add_prefix_space, false),
      };
    },
  },
  DebertaTokenizer: {
    tokens: { bos_token: '[CLS]', eos_token: '[SEP]', ...bertTokens },
    parts: byteLevelParts,
    postProcessor({ token }, id) {
      const [cls, sep] = [String(token('cls_token')), String(token('sep_token'))];
      return template([cls, '$A', sep], [[cls, 0], ['$A', 0], [sep, 0], [sep, 0], ['$B', 0], [sep, 0]], id); // prettier-ignore
    },
  },
  Qwen2Tokenizer: {
    addsSpecialAgain: true,
    tokens: { eos_token: '<|endoftext|>', unk_token: '<|endoftext|>', pad_token: '<|endoftext|>' },
    parts: (input) => ({
      model: bytePairs(input),
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: qwenWords }, behavior: 'Isolated', invert: false },
          { ...byteLevel, add_prefix_space: flag(input.settings.add_prefix_space, false), use_regex: false },
        ],
      },
      decoder: byteLevel,
    }),
  },
  BertTokenizer: bert,
  DistilBertTokenizer: bert,
  MobileBertTokenizer: bert,
  SqueezeBertTokenizer: bert,
  LlamaTokenizer: {
    tokens: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' },
    parts: (input) => {
      const prefix = flag(input.settings.add_prefix_space, true);
      const scheme = flag(input.settings.legacy, false) ? 'always' : 'first';
      return {
        model: { ...bytePairs(input), continuing_subword_prefix: null, end_of_word_suffix: null, fuse_unk: true, byte_fallback: true }, // prettier-ignore
        normalizer: null,
        pre_tokenizer: metaspace(prefix ? scheme : 'never', false),
        decoder: {
          type: 'Sequence',
          decoders: [
            { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
            { type: 'ByteFallback' },
            { type: 'Fuse' },
            ...(prefix ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []),
          ],
        },
      };
    },
  },
  T5Tokenizer: {
    tokens: { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
    parts: ({ vocab, charactersMap: map }) => ({
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
    // The end token, whatever its name, stands under this one.
    postProcessor: ({ token }, id) =>
      template(['$A', '</s>'], [['$A', 0], ['</s>', 0], ['$B', 0], ['</s>', 0]], () => id(String(token('eos_token')))), // prettier-ignore
  },
  DebertaV2Tokenizer: {
    tokens: { bos_token: '[CLS]', eos_token: '[SEP]', ...bertTokens },
    parts: ({ vocab, settings, token }) => {
      const spaces = metaspace(flag(settings.add_prefix_space, true) ? 'always' : 'first', true);
      const unknown = Array.isArray(vocab)
        ? vocab.findIndex(
            (entry: unknown) => Array.isArray(entry) && entry[0] === token('unk_token') && entry[1] === 0,
          )
        : -1;
      return {
        model: {
          type: 'Unigram',
          unk_id: unknown < 0 ? (settings.unk_id ?? 1) : unknown,
          byte_fallback: false,
          vocab,
        },
        normalizer: {
          type: 'Sequence',
          normalizers: [
            ...(flag(settings.do_lower_case, false) ? [{ type: 'Lowercase' }] : []),
            { type: 'Replace', pattern: { Regex: '\\s{2,}|[\\n\\r\\t]' }, content: ' ' },
            { type: 'NFC' },
            { type: 'Strip', strip_left: false, strip_right: true },
          ],
        },
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
      bertTemplate(String(token('cls_token')), String(token('sep_token')), id),
  },
};

/** The classes that config.json's model_type stands for, where no file names one. */
const classOfModel: Readonly<Record<string, string>> = {
  gpt2: 'GPT2Tokenizer',
  roberta: 'RobertaTokenizer',
  bert: 'BertTokenizer',
  t5: 'T5Tokenizer',
};

/** The class of a name such as BertTokenizerFast, or of a model type; undefined where a tokenizer.json is taken as it is. */
export function tokenizerClass(name: unknown, modelType: unknown): TokenizerClass | undefined {
  const chosen = typeof name === 'string' ? name.replace(/Fast$/, '') : modelType === undefined ? undefined : of(classOfModel, modelType); // prettier-ignore
  return chosen === undefined ? undefined : of(classes, chosen);
}

const of = <T>(table: Readonly<Record<string, T>>, key: unknown): T | undefined =>
  typeof key === 'string' && Object.hasOwn(table, key) ? table[key] : undefined;
