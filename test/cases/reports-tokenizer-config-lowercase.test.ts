// Tests settings of tokenizer_config.json that override tokenizer.json because the tokenizer's class rebuilds
// its components (huggingface/transformers#10650, #6186). Golden tokens are those of transformers 5.24.0's
// AutoTokenizer.
import { expect, it } from 'vitest';
import { tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const json = wordTokenizer(['hello', 'Hello', 'world', 'uber', 'Uber', 'über', 'Über'], {
  normalizer: {
    type: 'BertNormalizer',
    clean_text: true,
    handle_chinese_chars: true,
    strip_accents: null,
    lowercase: true,
  },
  pre_tokenizer: { type: 'BertPreTokenizer' },
});

it.each([
  [{ tokenizer_class: 'BertTokenizer', do_lower_case: false, strip_accents: false }, 'Hello', 'Über'],
  [{ tokenizer_class: 'BertTokenizer', do_lower_case: false, strip_accents: true }, 'Hello', 'Uber'],
  [{ tokenizer_class: 'BertTokenizerFast', strip_accents: false }, 'hello', 'über'],
  [{ tokenizer_class: 'BertTokenizer' }, 'hello', 'uber'],
  // A class without such settings uses the file as it is.
  [{ tokenizer_class: 'PreTrainedTokenizerFast', do_lower_case: false }, 'hello', 'uber'],
])('%j', async (config, hello, uber) => {
  const tokenizer = await tokenizerOf({ 'tokenizer.json': json, 'tokenizer_config.json': config });
  expect(tokenizer.encode('Hello world')).toEqual([tokenizer.tokenId(hello), tokenizer.tokenId('world')]);
  expect(tokenizer.encode('Über')).toEqual([tokenizer.tokenId(uber)]);
});
