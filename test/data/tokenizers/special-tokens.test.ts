// Tests of special tokens that several files of a folder name differently. Expected values are those of
// transformers 5.24 with tokenizers 0.23.3 for the same files.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { addedToken, folderOf, tokenizerOf, wordTokenizer } from '../../cases/tokenizer-folder.ts';

const plain = { tokenizer_class: 'PreTrainedTokenizerFast' };
const named = (content: string, flags: object = {}): object => ({
  content,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
  ...flags,
});
const words = (parts: object = {}): object =>
  wordTokenizer(['a', 'b', 'ab', 'y'], { pre_tokenizer: { type: 'Whitespace' }, decoder: null, ...parts });
/** The first id that `words` leaves unused. */
const NEXT = 9;

const folder = (map: object, config: object = {}, parts: object = {}): Record<string, unknown> => ({
  'tokenizer.json': words(parts),
  'tokenizer_config.json': { ...plain, ...config },
  'special_tokens_map.json': map,
});

it.each([
  ['the last of two roles', ['normalized'], { bos_token: 0, eos_token: 1 }, true],
  ['the last of two roles, the other way', ['normalized'], { bos_token: 1, eos_token: 0 }, false],
])('%s gives a token its flags', async (_, flags, roles, isNormalized) => {
  const map = Object.fromEntries(
    Object.entries(roles).map(([role, on]) => [
      role,
      named('AB', Object.fromEntries(flags.map((flag) => [flag, on === 1]))),
    ]),
  );
  const tokenizer = await tokenizerOf(folder(map, {}, { normalizer: { type: 'Lowercase' } }));
  // Only tokens matched after normalisation are found in lower-case text.
  expect(tokenizer.encode('a AB b ab')).toEqual([5, NEXT, 6, isNormalized ? NEXT : 7]);
});

it('a text between two objects of one token adds it again, and the last object wins', async () => {
  const roles = { bos_token: named('<x>', { lstrip: true }), eos_token: '<x>', sep_token: named('<x>') };
  const tokenizer = await tokenizerOf(
    folder({ ...roles, pad_token: named('<x>', { lstrip: true }) }, {}, { pre_tokenizer: null }),
  );
  // With lstrip the token would include the space before it.
  expect(tokenizer.encode(' <x>')).toEqual([1, NEXT]);
});

const list = ['<y>'];
it.each([
  [{ additional_special_tokens: null }, { additional_special_tokens: list }, []],
  [{ additional_special_tokens: [] }, { additional_special_tokens: list }, []],
  [{ extra_special_tokens: null }, { additional_special_tokens: list }, []],
  [{ extra_special_tokens: {} }, { additional_special_tokens: list }, ['<y>']],
  [{}, { additional_special_tokens: list }, ['<y>']],
  [{ additional_special_tokens: null }, { extra_special_tokens: list }, ['<y>']],
  [{ additional_special_tokens: ['<z>'] }, { additional_special_tokens: list }, ['<z>']],
  [{ additional_special_tokens: ['<z>'] }, { extra_special_tokens: list }, ['<z>', '<y>']],
  [{ extra_special_tokens: ['<z>'] }, { extra_special_tokens: { w_token: '<w>' } }, ['<w>']],
  [{ foo_token: '<f>' }, { w_token: '<w>' }, ['<w>', '<f>']],
  [{ foo_token: '<f>' }, { foo_token: '<w>' }, ['<f>']],
  [
    { foo_token: '<f>', extra_special_tokens: { q: '<q>' } },
    { w_token: '<w>', extra_special_tokens: { r: '<r>' } },
    ['<w>', '<f>', '<q>', '<r>'],
  ],
])('%j in tokenizer_config.json beside %j in special_tokens_map.json', async (config, map, added) => {
  const tokenizer = await tokenizerOf(folder(map, config));
  const all = ['<f>', '<q>', '<r>', '<w>', '<y>', '<z>'];
  const found = all.filter((token) => tokenizer.tokenId(token) !== undefined);
  expect(found.toSorted((a, b) => tokenizer.tokenId(a)! - tokenizer.tokenId(b)!)).toEqual(added);
});

const lowerCase = { normalizer: { type: 'Lowercase' } };
const withToken = (normalized: boolean): object =>
  wordTokenizer(['a', 'b', 'ab', 'y'], {
    ...lowerCase,
    pre_tokenizer: { type: 'Whitespace' },
    decoder: null,
    added_tokens: [addedToken(NEXT, 'AB', { normalized, special: false })],
  });
const decoderOf = (normalized: boolean): object => ({
  ...plain,
  added_tokens_decoder: { [NEXT]: { ...named('AB', { normalized }), special: false } },
});

it.each([
  [
    'two roles, the first normalized',
    folder({ bos_token: named('AB', { normalized: true }), eos_token: named('AB') }, {}, lowerCase),
  ],
  [
    'two roles, the last normalized',
    folder({ bos_token: named('AB'), eos_token: named('AB', { normalized: true }) }, {}, lowerCase),
  ],
  [
    'a normalized token that added_tokens_decoder flips',
    { 'tokenizer.json': withToken(true), 'tokenizer_config.json': decoderOf(false) },
  ],
  [
    'a token that added_tokens_decoder makes normalized',
    { 'tokenizer.json': withToken(false), 'tokenizer_config.json': decoderOf(true) },
  ],
])('a token that was ever added as normalized is decoded in normalised form: %s', async (_, files) => {
  const tokenizer = await tokenizerOf(files);
  expect(tokenizer.decode([5, NEXT, 6])).toBe('a ab b');
});

it('a token that was never normalized is decoded as it is written', async () => {
  const files = folder({ bos_token: named('AB'), eos_token: named('AB', { lstrip: true }) }, {}, lowerCase);
  expect((await tokenizerOf(files)).decode([5, NEXT, 6])).toBe('a AB b');
});

it.each(['pad_token', 'extra_special_tokens', 'additional_special_tokens', 'image_token'])(
  'a bad %s of special_tokens_map.json is said of that file',
  async (key) => {
    const bad = key.endsWith('s') ? [7] : { no: 'content' };
    const path = await folderOf(folder({ [key]: bad }));
    await expect(loadTokenizer(path)).rejects.toThrow(`${join(path, 'special_tokens_map.json')}: `);
  },
);

it.each(['pad_token', 'extra_special_tokens', 'additional_special_tokens'])(
  'a bad %s of tokenizer_config.json is said of that file',
  async (key) => {
    const path = await folderOf(folder({}, { [key]: key.endsWith('s') ? [7] : 7 }));
    await expect(loadTokenizer(path)).rejects.toThrow(`${join(path, 'tokenizer_config.json')}: `);
  },
);
