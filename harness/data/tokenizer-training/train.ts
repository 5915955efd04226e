import { UsageError } from '../errors.ts';
import { byteLetters, wordSplitter } from '../tokenizer.ts';
import { trainBytePairs } from './byte-pairs.ts';

type JsonObject = Record<string, unknown>;

/** What a family's tokenizer does around the model that is trained; the special tokens' ids are their places. */
interface Layout {
  /** The first tokens of the vocabulary. */
  readonly special: readonly string[];
  /** The last ones. */
  readonly lastSpecial: readonly string[];
  /** Special tokens by their roles (bos_token …). */
  readonly roles: Readonly<Record<string, string>>;
  /** Of tokenizer.json: normalizer, pre_tokenizer, post_processor, decoder. */
  readonly parts: Readonly<JsonObject>;
  /** Of tokenizer_config.json, beside the roles. */
  readonly config: Readonly<JsonObject>;
  /** The model of tokenizer.json, with all tokens of the vocabulary. */
  train(words: ReadonlyMap<string, number>, layout: Layout, size: number): JsonObject;
}

const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };

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
  // As SmolLM2's, whose digits stand alone.
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
    roles: {
      bos_token: '<s>',
      eos_token: '</s>',
      unk_token: '<unk>',
      sep_token: '</s>',
      pad_token: '<pad>',
      cls_token: '<s>',
      mask_token: '<mask>',
    },
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
};

/**
 * Trains a family's usual tokenizer on texts: the files of a tokenizer's folder in Hugging Face layout, as JSON by file name.
 * `vocabularySize` counts all tokens, the special ones too. The same texts give the same files. Throws UsageError for a
 * family without a trainer and for a size that the special tokens and the alphabet exceed or that the texts cannot fill.
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

/** Serves to split texts before there is a vocabulary. */
const emptyModel = { type: 'BPE', vocab: {}, merges: [] };

const addedToken = (id: number, content: string): JsonObject => ({
  id,
  content,
  single_word: false,
  // A mask takes the space before it along, so that the word it stands for may begin with one.
  lstrip: content === '<mask>',
  rstrip: false,
  normalized: false,
  special: true,
});

/** How often each word occurs, in the order of first occurrence. */
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

/** Throws UsageError where special tokens and alphabet alone are more than the vocabulary may hold. */
function requireRoom(least: number, size: number): void {
  if (Number.isSafeInteger(size) && size >= least) return;
  throw new UsageError(
    `A vocabulary of ${size} tokens is too small: special tokens and alphabet take ${least}. Ask for more.`,
  );
}

function requireFilled(found: number, size: number): void {
  if (found === size) return;
  throw new UsageError(
    `The text is too small for a vocabulary of ${size} tokens: it gives ${found}. Ask for fewer, or give more text.`,
  );
}
