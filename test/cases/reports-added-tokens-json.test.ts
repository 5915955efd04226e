// Tokens of added_tokens.json, and of added_tokens_decoder, beside a vocabulary that lacks them (huggingface/transformers#1043).
// The ids are those of AutoTokenizer of transformers 5.24.0.
import { expect, it } from 'vitest';
import { byteVocabulary, tokenizerOf } from './tokenizer-folder.ts';

const files = { 'vocab.json': byteVocabulary([], ['<|endoftext|>']), 'merges.txt': '#version: 0.2\n' };
const roles = {
  ...{ tokenizer_class: 'GPT2Tokenizer', bos_token: '<|endoftext|>', unk_token: '<|endoftext|>' },
  ...{ eos_token: '<|end|>', pad_token: '<|sep|>' },
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
