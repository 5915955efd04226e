/**
 * Trains the usual tokenizer of each family on given texts; the built-in bases have their tokenizers from
 * here.
 */
import { UsageError } from '../../../support/errors.ts';
import { wordSplitter } from './split-words.ts';
import { robertaTokens } from '../classes/byte-level.ts';
import { byteLetters } from '../files/byte-level-bpe.ts';
import { trainBytePairs } from './byte-pairs.ts';
import { trainUnigram } from './unigram.ts';

type JsonObject = Record<string, unknown>;

/** The parts of a family's tokenizer besides its trained model. A special token's id is its position. */
interface Layout {
  /** Special tokens at the beginning of the vocabulary. */
  readonly special: readonly string[];
  /** Special tokens at the end of the vocabulary. */
  readonly lastSpecial: readonly string[];
  /** Special tokens by role (bos_token …). */
  readonly roles: Readonly<Record<string, string>>;
  /** The fields normalizer, pre_tokenizer, post_processor and decoder of tokenizer.json. */
  readonly parts: Readonly<JsonObject>;
  /** Settings of tokenizer_config.json besides the roles. */
  readonly config: Readonly<JsonObject>;
  /** Trains the `model` of tokenizer.json; its vocabulary holds the special tokens too. */
  train(words: ReadonlyMap<string, number>, layout: Layout, size: number): JsonObject;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always', split: true };
/** Number of T5's tokens <extra_id_…>, which stand for the spans that span corruption removes. */
const extraIds = 100;
const special = (id: string, type_id: number): JsonObject => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number): JsonObject => ({ Sequence: { id, type_id } });

const layouts: Readonly<Record<string, Layout>> = {
  gpt2: {
    special: ['<|endoftext|>'],
    lastSpecial: [],
    roles: { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
    parts: {
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: { ...byteLevel, trim_offsets: false },
      decoder: byteLevel,
    },
    config: { tokenizer_class: 'GPT2Tokenizer', add_prefix_space: false },
    train: trainByteLevel,
  },
  // Like SmolLM2's tokenizer, which splits numbers into single digits.
  llama: {
    special: ['<|endoftext|>'],
    lastSpecial: [],
    roles: { bos_token: '<|endoftext|>', eos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
    parts: {
      normalizer: null,
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [{ type: 'Digits', individual_digits: true }, byteLevel],
      },
      post_processor: null,
      decoder: byteLevel,
    },
    config: { tokenizer_class: 'PreTrainedTokenizerFast' },
    train: trainByteLevel,
  },
  roberta: {
    special: ['<s>', '<pad>', '</s>', '<unk>'],
    lastSpecial: ['<mask>'],
    roles: robertaTokens,
    parts: {
      normalizer: null,
      pre_tokenizer: byteLevel,
      post_processor: {
        type: 'RobertaProcessing',
        sep: ['</s>', 2],
        cls: ['<s>', 0],
        trim_offsets: true,
        add_prefix_space: false,
      },
      decoder: byteLevel,
    },
    config: { tokenizer_class: 'RobertaTokenizer', add_prefix_space: false, trim_offsets: true },
    train: trainByteLevel,
  },
  bert: {
    special: ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]'],
    lastSpecial: [],
    roles: {
      unk_token: '[UNK]',
      sep_token: '[SEP]',
      pad_token: '[PAD]',
      cls_token: '[CLS]',
      mask_token: '[MASK]',
    },
    parts: {
      normalizer: {
        type: 'BertNormalizer',
        clean_text: true,
        handle_chinese_chars: true,
        strip_accents: null,
        lowercase: true,
      },
      pre_tokenizer: { type: 'BertPreTokenizer' },
      post_processor: {
        type: 'TemplateProcessing',
        single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
        pair: [
          special('[CLS]', 0),
          sequence('A', 0),
          special('[SEP]', 0),
          sequence('B', 1),
          special('[SEP]', 1),
        ],
        special_tokens: {
          '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
          '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
        },
      },
      decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    },
    config: { tokenizer_class: 'BertTokenizer', do_lower_case: true },
    train: trainWordPiece,
  },
  t5: {
    special: ['<pad>', '</s>', '<unk>'],
    lastSpecial: Array.from({ length: extraIds }, (_, i) => `<extra_id_${extraIds - 1 - i}>`),
    roles: { eos_token: '</s>', unk_token: '<unk>', pad_token: '<pad>' },
    parts: {
      // T5 takes its map of characters from spiece.model; without that file, transformers normalises nothing.
      normalizer: null,
      pre_tokenizer: { type: 'Sequence', pretokenizers: [{ type: 'WhitespaceSplit' }, metaspace] },
      post_processor: {
        type: 'TemplateProcessing',
        single: [sequence('A', 0), special('</s>', 0)],
        pair: [sequence('A', 0), special('</s>', 0), sequence('B', 0), special('</s>', 0)],
        special_tokens: { '</s>': { id: '</s>', ids: [1], tokens: ['</s>'] } },
      },
      decoder: metaspace,
    },
    config: { tokenizer_class: 'T5TokenizerFast', extra_ids: extraIds },
    train: trainPieces,
  },
};

/**
 * Trains a family's usual tokenizer. Returns the files of a tokenizer folder in Hugging Face layout, as JSON
 * by file name; equal texts give equal files. `vocabularySize` counts all tokens, special ones too. Throws
 * UsageError for a family without a trainer, and for a size that special tokens and alphabet exceed or the
 * texts cannot fill.
 */
export function trainTokenizer(
  family: string,
  texts: Iterable<string>,
  vocabularySize: number,
): Record<string, unknown> {
  const layout = Object.hasOwn(layouts, family) ? layouts[family] : undefined;
  if (!layout) {
    throw new UsageError(
      `No tokenizer is trained for "${family}"; there is one for ${Object.keys(layouts).join(', ')}.`,
    );
  }
  const words = countWords(texts, wordSplitter({ ...layout.parts, model: emptyModel }));
  const model = layout.train(words, layout, vocabularySize);
  const firstOfLast = vocabularySize - layout.lastSpecial.length;
  const added_tokens = [
    ...layout.special.map((content, id) => addedToken(id, content)),
    ...layout.lastSpecial.map((content, i) => addedToken(firstOfLast + i, content)),
  ];
  const { roles } = layout;
  return {
    'tokenizer.json': {
      version: '1.0',
      truncation: null,
      padding: null,
      added_tokens,
      ...layout.parts,
      model,
    },
    'tokenizer_config.json': { ...layout.config, ...roles, clean_up_tokenization_spaces: false },
    'special_tokens_map.json': roles,
  };
}

/** Stands in for the model while texts are split before there is a vocabulary. */
const emptyModel = { type: 'BPE', vocab: {}, merges: [] };

const addedToken = (id: number, content: string): JsonObject => ({
  id,
  content,
  single_word: false,
  // A mask token takes in the space before it, because the masked word's token may begin with a space.
  lstrip: content === '<mask>',
  rstrip: false,
  normalized: false,
  special: true,
});

/** Counts each word, in the order of first occurrence. */
function countWords(texts: Iterable<string>, split: (text: string) => string[]): Map<string, number> {
  const words = new Map<string, number>();
  for (const text of texts) for (const word of split(text)) words.set(word, (words.get(word) ?? 0) + 1);
  return words;
}

function trainByteLevel(words: ReadonlyMap<string, number>, layout: Layout, size: number): JsonObject {
  const { special, lastSpecial } = layout;
  const alphabet = byteLetters.toSorted();
  const first = [...special, ...alphabet];
  requireRoom(first.length + lastSpecial.length, size);
  const { tokens, merges } = trainBytePairs(words, first, size - lastSpecial.length);
  const vocabulary = [...tokens, ...lastSpecial];
  requireFilled(vocabulary.length, size);
  return {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: null,
    end_of_word_suffix: null,
    fuse_unk: false,
    byte_fallback: false,
    ignore_merges: false,
    vocab: Object.fromEntries(vocabulary.map((token, id) => [token, id])),
    merges: merges.map((pair) => pair.join(' ')),
  };
}

/**
 * Trains WordPiece's vocabulary by byte-pair merges, as Hugging Face does; WordPiece does not need their
 * order.
 */
function trainWordPiece(words: ReadonlyMap<string, number>, layout: Layout, size: number): JsonObject {
  const [alphabet, spelled] = commonCharacters(words);
  const first = [...layout.special, ...alphabet];
  const { tokens } = trainBytePairs(spelled, first, size, '##');
  // `trainBytePairs` added the characters that occur inside words (##x) to the alphabet.
  requireRoom(tokens.findLastIndex((token) => /^##.$/su.test(token)) + 1, size);
  requireFilled(tokens.length, size);
  return {
    type: 'WordPiece',
    unk_token: '[UNK]',
    continuing_subword_prefix: '##',
    max_input_chars_per_word: 100,
    vocab: Object.fromEntries(tokens.map((token, id) => [token, id])),
  };
}

function trainPieces(words: ReadonlyMap<string, number>, layout: Layout, size: number): JsonObject {
  const [alphabet, spelled] = commonCharacters(words);
  const count = size - layout.special.length - layout.lastSpecial.length;
  requireRoom(size - count + alphabet.length, size);
  const pieces = trainUnigram(spelled, alphabet, count);
  requireFilled(size - count + pieces.length, size);
  const unscored = (token: string) => [token, 0] as const;
  return {
    type: 'Unigram',
    unk_id: layout.special.indexOf('<unk>'),
    vocab: [...layout.special.map(unscored), ...pieces, ...layout.lastSpecial.map(unscored)],
    byte_fallback: false,
  };
}

/**
 * Returns the thousand most frequent characters, sorted by code point, and the words that consist of them
 * alone; any other word contains an unknown character.
 */
function commonCharacters(words: ReadonlyMap<string, number>): [string[], Map<string, number>] {
  const counts = new Map<string, number>();
  for (const [word, frequency] of words) {
    for (const character of word) counts.set(character, (counts.get(character) ?? 0) + frequency);
  }
  const codePoint = (character: string): number => character.codePointAt(0) ?? 0;
  const common = [...counts]
    .sort(([a, times], [b, others]) => others - times || codePoint(a) - codePoint(b))
    .slice(0, 1000)
    .map(([character]) => character)
    .sort((a, b) => codePoint(a) - codePoint(b));
  const known = new Set(common);
  const spelled = [...words].filter(([word]) => Array.from(word).every((character) => known.has(character)));
  return [common, new Map(spelled)];
}

/** Throws UsageError where special tokens and alphabet alone exceed the vocabulary's size. */
function requireRoom(least: number, size: number): void {
  if (Number.isSafeInteger(size) && size >= least) return;
  throw new UsageError(
    `A vocabulary of ${size} tokens is too small: special tokens and alphabet take ${least}. Ask for more.`,
  );
}

/** Throws UsageError where the texts gave fewer tokens than the vocabulary should have. */
function requireFilled(found: number, size: number): void {
  if (found === size) return;
  throw new UsageError(
    `The text is too small for a vocabulary of ${size} tokens: it gives ${found}. Ask for fewer, or give more text.`,
  );
}
