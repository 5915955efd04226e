// Tests the pre-tokenizer Punctuation and its behaviours (huggingface/tokenizers#378, #642). Golden words are
// those of tokenizers 0.23.3.
import { expect, it } from 'vitest';
import { tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const words = ['hello', '!', '!!', '!!!', 'hello!', '!?', '?', '?hello', '!hello'];
it.each([
  [undefined, 'hello!!!', ['hello', '!', '!', '!']],
  ['Isolated', 'hello!!!', ['hello', '!', '!', '!']],
  ['Isolated', '!?', ['!', '?']],
  ['Contiguous', 'hello!!!', ['hello', '!!!']],
  ['Removed', 'hello!!!', ['hello']],
  ['MergedWithPrevious', 'hello!!!', ['hello!', '!', '!']],
  ['MergedWithNext', '!?hello', ['!', '?hello']],
])('%s of %s', async (behavior, text, expected) => {
  const pretokenizers = [{ type: 'WhitespaceSplit' }, { type: 'Punctuation', ...(behavior && { behavior }) }];
  const tokenizer = await tokenizerOf({
    'tokenizer.json': wordTokenizer(words, { pre_tokenizer: { type: 'Sequence', pretokenizers } }),
  });
  expect(tokenizer.encode(text)).toEqual(expected.map((word) => tokenizer.tokenId(word)));
});
