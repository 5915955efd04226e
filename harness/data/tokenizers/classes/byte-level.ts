/** Tokenizer classes with byte pairs over bytes: GPT-2, GPT-NeoX, RoBERTa, DeBERTa and Qwen 2. */
import { bertTokens } from './bert.ts';
import { byteLevel, byteLevelComponents, bytePairs, flag } from './components.ts';
import { beginAndEnd, required, template } from './templates.ts';
import type { TokenizerClass } from './tokenizer-class.ts';

/** The class GPT2Tokenizer. */
export const gpt2: TokenizerClass = {
  tokens: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: null,
  },
  components: byteLevelComponents,
};

/** The class GPTNeoXTokenizer, which has no use for a tokenizer.json's post-processor either. */
export const gptNeox: TokenizerClass = {
  tokens: {
    bos_token: '<|endoftext|>',
    eos_token: '<|endoftext|>',
    unk_token: '<|endoftext|>',
    pad_token: '<|padding|>',
  },
  components: (input) => ({ ...byteLevelComponents(input), normalizer: { type: 'NFC' } }),
  postProcessor({ token, settings }, id) {
    const added = (role: 'bos' | 'eos'): string | undefined =>
      flag(settings[`add_${role}_token`], false) ? token(`${role}_token`) : undefined;
    return beginAndEnd(added('bos'), added('eos'), id);
  },
};

/** RoBERTa's special tokens by role. */
export const robertaTokens = {
  bos_token: '<s>',
  eos_token: '</s>',
  unk_token: '<unk>',
  sep_token: '</s>',
  pad_token: '<pad>',
  cls_token: '<s>',
  mask_token: '<mask>',
};

/** The class RobertaTokenizer. */
export const roberta: TokenizerClass = {
  tokens: robertaTokens,
  components: byteLevelComponents,
  postProcessor({ token, settings }, id) {
    const [sep, cls] = [required(token, 'sep_token'), required(token, 'cls_token')];
    return {
      type: 'RobertaProcessing',
      sep: [sep, id(sep)],
      cls: [cls, id(cls)],
      trim_offsets: flag(settings.trim_offsets, true),
      add_prefix_space: flag(settings.add_prefix_space, false),
    };
  },
};

/** The class DebertaTokenizer: GPT-2's bytes with BERT's special tokens; every token's type is 0. */
export const deberta: TokenizerClass = {
  tokens: { bos_token: '[CLS]', eos_token: '[SEP]', ...bertTokens },
  components: byteLevelComponents,
  postProcessor({ token }, id) {
    const [cls, sep] = [required(token, 'cls_token'), required(token, 'sep_token')];
    const pair = [cls, '$A', sep, sep, '$B', sep];
    return template(
      [cls, '$A', sep],
      pair.map((name) => [name, 0]),
      id,
    );
  },
};

/** The regular expression by which Qwen 2 splits a text into words. */
const qwenWords =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*" +
  '|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+';

/** The class Qwen2Tokenizer. */
export const qwen2: TokenizerClass = {
  addsSpecialAgain: true,
  tokens: { eos_token: '<|endoftext|>', unk_token: '<|endoftext|>', pad_token: '<|endoftext|>' },
  components: (input) => ({
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
};
