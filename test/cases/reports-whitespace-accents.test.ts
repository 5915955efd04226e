// Tests the pre-tokenizer Whitespace with letters beyond ASCII (huggingface/transformers.js#542). Golden
// words are those of tokenizers 0.23.3.
import { expect, it } from 'vitest';
import { tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

it.each([
  ['hello café', ['hello', 'café']],
  ['a naïve café', ['[UNK]', 'naïve', 'café']],
  ['x_1', ['x_1']],
  ['Ёлка, σοφός 東京', ['Ёлка', ',', 'σοφός', '東京']],
])('%s', async (text, words) => {
  const vocabulary = [
    'naïve',
    'café',
    'hello',
    'na',
    'ï',
    've',
    'caf',
    'é',
    'x_1',
    'Ёлка',
    ',',
    'σοφός',
    '東京',
  ];
  const tokenizer = await tokenizerOf({
    'tokenizer.json': wordTokenizer(vocabulary, { pre_tokenizer: { type: 'Whitespace' } }),
  });
  expect(tokenizer.encode(text)).toEqual(words.map((word) => tokenizer.tokenId(word)));
});
