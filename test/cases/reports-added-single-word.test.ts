// Tests single_word of added tokens (huggingface/tokenizers#918). Golden ids are those of tokenizers 0.23.3.
import { expect, it } from 'vitest';
import { addedToken, tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const foo = (flags: object): Record<string, unknown> => {
  const json = wordTokenizer(['foobar', 'foo', 'food', 'bar', '##bar', '##d'], {
    pre_tokenizer: { type: 'BertPreTokenizer' },
  });
  const added = [...(json.added_tokens as object[]), addedToken(6, 'foo', flags)];
  return { 'tokenizer.json': { ...json, added_tokens: added } };
};

it('is not found inside words', async () => {
  const tokenizer = await tokenizerOf(foo({ single_word: true, normalized: true, special: false }));
  expect(tokenizer.encode('foobar foo food')).toEqual([5, 6, 7]);
  expect(tokenizer.encode('foo')).toEqual([6]);
});

it('is found there without the setting', async () => {
  const tokenizer = await tokenizerOf(foo({ normalized: true, special: false }));
  expect(tokenizer.encode('foobar foo food')).toEqual([6, 8, 6, 6, 1]);
});
