// Tests that a tokenizer.json is refused in one line where the library would accept it and fail in use, or
// where it would end the process.
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { addedToken, tokenizerOf, wordTokenizer } from './tokenizer-folder.ts';

const text = { Sequence: { id: 'A', type_id: 0 } };
const second = { Sequence: { id: 'B', type_id: 1 } };
const frame = (single: unknown, pair: unknown): object => ({
  post_processor: { type: 'TemplateProcessing', single, pair, special_tokens: {} },
});
const { post_processor: whole } = frame([text], [text, second]) as { post_processor: object };
const model = wordTokenizer(['a'], {}).model as object;

it.each<[string, object, RegExp]>([
  ['null for a template', frame(null, null), /PostProcessorWrapper/],
  ['a number in a template', frame([5], [5]), /PostProcessorWrapper/],
  ['a template without the text', frame([], [text, second]), /has no tokens for any text/],
  [
    'a template that repeats the text',
    frame([text, { SpecialToken: { id: 'x', type_id: 0 } }], [text]),
    /x is none of its special tokens/,
  ],
  ['a template of one text that names a second', frame([text, second], [text, second]), /names a second one/],
  [
    'two templates in a row',
    { post_processor: { type: 'Sequence', processors: [whole, whole] } },
    /only one of it may put tokens around a text/,
  ],
  [
    'a component without a type',
    { normalizer: { lowercase: true } },
    /normalizer undefined: it names no type/,
  ],
  ['an unknown component', { normalizer: { type: 'Leet' } }, /is not a tokenizer that can be read/],
  [
    'a length that never ends',
    { pre_tokenizer: { type: 'FixedLength', length: 0 } },
    /FixedLength.*never ends/,
  ],
  [
    'a broken pattern',
    { normalizer: { type: 'Replace', pattern: { Regex: '(' }, content: '' } },
    /unmatched parenthesis/,
  ],
  [
    'a map of characters that is none',
    { normalizer: { type: 'Precompiled', precompiled_charsmap: 'AAA=' } },
    /map of characters is cut short/,
  ],
  [
    'a normalized token of which the normalizer leaves nothing',
    {
      normalizer: { type: 'Strip', strip_left: true, strip_right: true },
      added_tokens: [addedToken(6, '  ', { normalized: true, special: false })],
    },
    /its normalizer leaves nothing of the added token/,
  ],
  ['no model', { model: null }, /it has no model/],
  ['an unknown model', { model: { ...model, type: 'Syllables' } }, /is not a tokenizer that can be read/],
  [
    'random tokens',
    { model: { type: 'BPE', vocab: { a: 0 }, merges: [], dropout: 0.1 } },
    /other tokens every time/,
  ],
  [
    'merges of pieces that do not begin as the others',
    {
      model: { type: 'BPE', vocab: { a: 0, b: 1, ab: 2 }, merges: ['a b'], continuing_subword_prefix: '##' },
    },
    /joins no piece that begins with ##/,
  ],
  [
    'merges of tokens that are not there',
    { model: { type: 'BPE', vocab: { a: 0 }, merges: ['a b'] } },
    /out of vocabulary/,
  ],
])('%s', async (_, parts, message) => {
  const loading = tokenizerOf({ 'tokenizer.json': wordTokenizer(['a'], { added_tokens: [], ...parts }) });
  await expect(loading).rejects.toThrow(UsageError);
  await expect(loading).rejects.toThrow(message);
});

it('a text that the vocabulary has no tokens for is named when it comes', async () => {
  const tokenizer = await tokenizerOf({
    'tokenizer.json': wordTokenizer(['a'], { added_tokens: [], model: { ...model, vocab: { a: 0 } } }),
  });
  expect(tokenizer.encode('a')).toEqual([0]);
  expect(() => tokenizer.encode('b')).toThrow(UsageError);
  expect(() => tokenizer.encode('b')).toThrow(
    /tokenizer\.json has no tokens for "b": .*Missing \[UNK\] token/,
  );
});
