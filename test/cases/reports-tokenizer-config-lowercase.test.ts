// Settings of tokenizer_config.json that overrule tokenizer.json (huggingface/transformers#10650, #6186):
// what the class of the
// tokenizer builds anew. The tokens are those of AutoTokenizer of transformers 5.24.0.
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
  // A class without settings of its own takes the file as it is.
  [{ tokenizer_class: 'PreTrainedTokenizerFast', do_lower_case: false }, 'hello', 'uber'],
])('%j', async (config, hello, uber) => {
  const tokenizer = await tokenizerOf({ 'tokenizer.json': json, 'tokenizer_config.json': config });
  expect(tokenizer.encode('Hello world')).toEqual([tokenizer.tokenId(hello), tokenizer.tokenId('world')]);
  expect(tokenizer.encode('Über')).toEqual([tokenizer.tokenId(uber)]);
});
