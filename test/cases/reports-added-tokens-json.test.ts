// Tests added_tokens.json and added_tokens_decoder beside a vocabulary that lacks their tokens
// (huggingface/transformers#1043). Golden ids are those of AutoTokenizer of transformers 5.24.0.
import { expect, it } from 'vitest';
import { addedToken, byteVocabulary, tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const files = { 'vocab.json': byteVocabulary([], ['<|endoftext|>']), 'merges.txt': '#version: 0.2\n' };
const roles = {
  tokenizer_class: 'GPT2Tokenizer',
  bos_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
  eos_token: '<|end|>',
  pad_token: '<|sep|>',
};

it.each([
  [
    'added_tokens.json',
    { 'tokenizer_config.json': roles, 'added_tokens.json': { '<|end|>': 257, '<|sep|>': 258 } },
  ],
  [
    'added_tokens_decoder',
    {
      'tokenizer_config.json': {
        ...roles,
        added_tokens_decoder: {
          257: { content: '<|end|>', special: true },
          258: { content: '<|sep|>', special: true },
        },
      },
    },
  ],
  [
    'special_tokens_map.json',
    { 'special_tokens_map.json': roles, 'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer' } },
  ],
])('%s', async (_, settings) => {
  const tokenizer = await tokenizerOf({ ...files, ...settings });
  const [a, b] = [tokenizer.tokenId('a')!, tokenizer.tokenId('b')!];
  expect(tokenizer).toMatchObject({ eosId: 257, padId: 258, bosId: 256, vocabSize: 259 });
  expect(tokenizer.encode('a<|sep|>b')).toEqual([a, 258, b]);
  expect(tokenizer.encode('a<|end|>')).toEqual([a, 257]);
  expect(tokenizer.decode([a, 258, b], { skipSpecialTokens: true })).toBe('ab');
});

// Related cases: tokens with a role or a name of their own are special, and the empty object that
// transformers 4 writes for named tokens hides no list.

it('a token of tokenizer.json that has a role is special', async () => {
  const tokenizer = await tokenizerOf({
    'tokenizer.json': wordTokenizer(['one', 'two', '<fill>'], {
      added_tokens: [addedToken(7, '<fill>', { special: false, rstrip: true })],
      pre_tokenizer: { type: 'WhitespaceSplit' },
    }),
    'tokenizer_config.json': { tokenizer_class: 'PreTrainedTokenizerFast', pad_token: '<fill>' },
  });
  const ids = tokenizer.encode('one <fill> two');
  expect(ids).toEqual([5, 7, 6]);
  expect(tokenizer.decode(ids, { skipSpecialTokens: true })).toBe('one two');
  expect(tokenizer.decode(ids)).toBe('one <fill> two');
});

it('a token with a name of its own is special', async () => {
  const tokenizer = await tokenizerOf({
    ...files,
    'tokenizer_config.json': {
      tokenizer_class: 'GPT2Tokenizer',
      extra_special_tokens: { sep_token_2: '<|sep|>' },
      added_tokens_decoder: { 257: { content: '<|sep|>', special: false, normalized: false } },
    },
  });
  const [a, b] = [tokenizer.tokenId('a')!, tokenizer.tokenId('b')!];
  expect(tokenizer.encode('a<|sep|>b')).toEqual([a, 257, b]);
  expect(tokenizer.decode([a, 257, b], { skipSpecialTokens: true })).toBe('ab');
});

it.each([
  ['{}', {}, [257]],
  ['a list', ['<|x|>'], 7],
])('additional_special_tokens beside extra_special_tokens %s', async (_, extra, expected) => {
  const settings = { additional_special_tokens: ['<|sep|>'], extra_special_tokens: extra };
  const tokenizer = await tokenizerOf({
    ...files,
    'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer', ...settings },
  });
  const ids = tokenizer.encode('<|sep|>');
  expect(Array.isArray(expected) ? ids : ids.length).toEqual(expected);
});

it('a token named as a text after an object loses what the object says of spaces', async () => {
  const eos = { content: '<|sep|>', lstrip: true, rstrip: true };
  const tokenizer = await tokenizerOf({
    ...files,
    'special_tokens_map.json': { eos_token: eos, additional_special_tokens: ['<|sep|>'] },
    'tokenizer_config.json': { tokenizer_class: 'GPT2Tokenizer' },
  });
  expect(tokenizer.encode(' <|sep|> ')).toEqual([tokenizer.tokenId('Ġ'), 257, tokenizer.tokenId('Ġ')]);
});
