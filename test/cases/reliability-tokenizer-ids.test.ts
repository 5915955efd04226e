// Tests that token ids other than whole numbers within bounds are refused before anything is built, in every
// file.
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { addedToken, byteVocabulary, tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const vocab = { '[UNK]': 0, a: 1 };
const json = wordTokenizer(['a'], {});
const model = json.model as object;
const template = (ids: unknown): object => ({
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '[CLS]', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { '[CLS]': { id: '[CLS]', ids, tokens: ['[CLS]'] } },
});
const bytes = { 'vocab.json': byteVocabulary(['<|endoftext|>']), 'merges.txt': '' };

describe.each([0.5, -3, '7', null, 4_000_000, 1e300, [1], true])('the id %j', (id) => {
  it.each<[string, string, Record<string, unknown>]>([
    [
      'tokenizer.json',
      'a',
      { 'tokenizer.json': { ...json, model: { ...model, vocab: { ...vocab, a: id } } } },
    ],
    [
      'tokenizer.json',
      'new',
      { 'tokenizer.json': { ...json, added_tokens: [addedToken(id as number, 'new')] } },
    ],
    ['tokenizer.json', '[CLS]', { 'tokenizer.json': { ...json, post_processor: template([id]) } }],
    [
      'tokenizer.json',
      '[SEP]',
      {
        'tokenizer.json': {
          ...json,
          post_processor: { type: 'BertProcessing', cls: ['[CLS]', 2], sep: ['[SEP]', id] },
        },
      },
    ],
    ['vocab.json', 'a', { ...bytes, 'vocab.json': { ...bytes['vocab.json'], a: id } }],
    ['added_tokens.json', 'new', { ...bytes, 'added_tokens.json': { new: id } }],
  ])('in %s of %s', async (file, token, files) => {
    const loading = tokenizerOf(files);
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(
      new RegExp(
        `${file.replace('.', '\\.')}: the id of "${token.replace(/[[\]]/g, '\\$&')}" is .*whole numbers ` +
          'from 0 to 3999999',
      ),
    );
  });
});

it('in added_tokens_decoder', async () => {
  const config = { added_tokens_decoder: { '-1': { content: 'new' } } };
  await expect(tokenizerOf({ ...bytes, 'tokenizer_config.json': config })).rejects.toThrow(
    /tokenizer_config\.json: the id of "new" is "-1"/,
  );
});

it.each([
  [[['a', 0], ['b']], /entry 1 of its vocabulary is no piece with a score/],
  [[['a', '0']], /entry 0 of its vocabulary/],
  [[[3, 0]], /entry 0 of its vocabulary/],
])('in a list of pieces: %j', async (pieces, message) => {
  const unigram = { ...json, added_tokens: [], model: { type: 'Unigram', unk_id: 0, vocab: pieces } };
  await expect(tokenizerOf({ 'tokenizer.json': unigram })).rejects.toThrow(message);
});
