// Tests add_prefix_space of tokenizer_config.json beside vocab.json and merges.txt
// (huggingface/transformers#11057, #25563). Golden tokens are those of AutoTokenizer of transformers 5.24.0.
import { expect, it } from 'vitest';
import { byteVocabulary, tokenizerOf } from './tokenizer-folder.ts';

const roberta = {
  'vocab.json': byteVocabulary(['<s>', '<pad>', '</s>', '<unk>', '<mask>'], ['Ġh']),
  'merges.txt': '#version: 0.2\nĠ h\n',
};
const gpt2 = {
  'vocab.json': byteVocabulary(['<|endoftext|>'], ['Ġh']),
  'merges.txt': '#version: 0.2\nĠ h\n',
};

it.each([
  ['RobertaTokenizer', roberta],
  ['GPT2Tokenizer', gpt2],
])('%s puts a space before the first word', async (tokenizer_class, files) => {
  const settings = { tokenizer_class, add_prefix_space: true };
  const tokenizer = await tokenizerOf({ ...files, 'tokenizer_config.json': settings });
  const [space, i] = [tokenizer.tokenId('Ġh')!, tokenizer.tokenId('i')!];
  expect(tokenizer.encode('hi')).toEqual([space, i]);
  expect(tokenizer.encode('h h')).toEqual([space, space]);
  const plain = await tokenizerOf({ ...files, 'tokenizer_config.json': { tokenizer_class } });
  expect(plain.encode('hi')).toEqual([plain.tokenId('h'), i]);
});
