// Tests of what a tokenizer's class decides besides ids, which agree-with-rust.test.ts compares with
// transformers: what is refused, and which files the tokenizer was made of.
import { basename } from 'node:path';
import { expect, it } from 'vitest';
import { addedToken, byteVocabulary, tokenizerOf, wordTokenizer } from '../../cases/tokenizer-folder.ts';

const words = (parts: object = {}): object => wordTokenizer(['a', 'ko', 'Ko'], { decoder: null, ...parts });
const bytes = {
  'vocab.json': byteVocabulary(['<|endoftext|>'], ['Ġa']),
  'merges.txt': '#version: 0.2\nĠ a\n',
};
const same = {
  normalizer: { type: 'Lowercase' },
  added_tokens: ['ko', 'Ko'].map((token, i) =>
    addedToken(6 + i, token, { normalized: true, special: false }),
  ),
};
const named = (tokenizer_class: string, settings: object = {}): object => ({ tokenizer_class, ...settings });

it.each<[string, Record<string, unknown>, RegExp]>([
  [
    'a class of transformers that is not known here',
    { 'tokenizer.json': words(), 'tokenizer_config.json': named('CamembertTokenizerFast') },
    /tokenizer_config\.json names the class CamembertTokenizerFast, .* name PreTrainedTokenizerFast there/,
  ],
  [
    'a class that mixes its own parts with the file',
    { 'tokenizer.json': words(), 'config.json': named('ConvBertTokenizer') },
    /config\.json names the class ConvBertTokenizer/,
  ],
  [
    "BERT's class beside GPT-2's vocabulary",
    { ...bytes, 'tokenizer_config.json': named('BertTokenizer') },
    /vocab\.json holds byte pairs, .* the files beside it name BertTokenizer/,
  ],
  [
    "a SentencePiece model beside Mistral's config.json",
    { 'tokenizer.model': '\n\x05\n\x03abc', 'config.json': { model_type: 'mistral' } },
    /tokenizer\.model/,
  ],
  [
    'two added tokens of which the normalizer makes the same',
    { 'tokenizer.json': words(same) },
    /its normalizer makes the same of the added tokens "ko" and "Ko"/,
  ],
  [
    'a class without a token that it puts beside every text',
    { 'tokenizer.json': words(), 'tokenizer_config.json': named('BertTokenizer', { sep_token: null }) },
    /has no sep_token/,
  ],
])('%s is refused', async (_, files, why) => {
  await expect(tokenizerOf(files)).rejects.toThrow(why);
});

it("config.json is one of the tokenizer's files only where it decides something", async () => {
  const filesOf = async (config: object, model: object): Promise<string[]> => {
    const folder = { 'tokenizer.json': words(), 'tokenizer_config.json': config, 'config.json': model };
    return (await tokenizerOf(folder)).files.map((path) => basename(path));
  };
  const bert = named('BertTokenizer');
  expect(await filesOf(bert, { model_type: 'llama' })).not.toContain('config.json');
  expect(await filesOf(bert, { model_type: 'mistral' })).toContain('config.json');
  expect(await filesOf({}, { model_type: 'bert' })).toContain('config.json');
  expect(await filesOf({}, { model_type: 'llama' })).not.toContain('config.json');
});

it('an object in tokenizer_config.json makes no token of added_tokens.json special', async () => {
  const files = (name: string): Record<string, unknown> => ({
    'tokenizer.json': words({ normalizer: { type: 'Lowercase' } }),
    'added_tokens.json': { XY: 8 },
    'tokenizer_config.json': named('PreTrainedTokenizerFast'),
    [name]: {
      ...(name === 'tokenizer_config.json' && named('PreTrainedTokenizerFast')),
      pad_token: {
        ...addedToken(8, 'XY'),
        ...(name === 'tokenizer_config.json' && { __type: 'AddedToken' }),
      },
    },
  });
  // A token that is not special is matched in the normalized text, and so in small letters too.
  expect((await tokenizerOf(files('tokenizer_config.json'))).encode('xy')).toEqual([8]);
  expect((await tokenizerOf(files('special_tokens_map.json'))).encode('xy')).toEqual([1]);
});
