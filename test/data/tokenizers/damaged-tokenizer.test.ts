// Fuzz test of damaged tokenizer files: each loads as a working tokenizer with whole ids, or is refused in
// one line.
import fc from 'fast-check';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { loadTokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { addedToken, byteVocabulary, wordTokenizer } from '../../cases/tokenizer-folder.ts';
import { changedJson, damagedBytes, damagedJson, readDamaged } from '../../fuzz.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const here = join(import.meta.dirname, 'files');
const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(here, name), 'utf8'));
const unigram = (await read('unigram.json')) as { normalizer: unknown; model: unknown };
const tiny = (await read('tiny.json')) as { model: unknown };

const special = (id: string, type_id: number): object => ({ SpecialToken: { id, type_id } });
const sequence = (id: string, type_id: number): object => ({ Sequence: { id, type_id } });
const template = {
  type: 'TemplateProcessing',
  single: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0)],
  pair: [special('[CLS]', 0), sequence('A', 0), special('[SEP]', 0), sequence('B', 1), special('[SEP]', 1)],
  special_tokens: {
    '[CLS]': { id: '[CLS]', ids: [2], tokens: ['[CLS]'] },
    '[SEP]': { id: '[SEP]', ids: [3], tokens: ['[SEP]'] },
  },
};
const byteLevel = { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true };
const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false };
const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
const bert = { clean_text: true, handle_chinese_chars: true, strip_accents: null, lowercase: true };
const ends = { sep: ['[SEP]', 3], cls: ['[CLS]', 2] };
const split = { type: 'Split', pattern: { Regex: '\\w+|[^\\w\\s]+' }, behavior: 'Isolated', invert: false };
const simple = (...types: string[]): object[] => types.map((type) => ({ type }));

const normalizers = [
  { type: 'BertNormalizer', ...bert },
  ...[{ type: 'Strip', strip_left: true, strip_right: true }, { type: 'Prepend', prepend: '▁' }, replace],
  ...[unigram.normalizer, { type: 'Precompiled', precompiled_charsmap: 'BAAAAAAAAAA=' }],
  ...simple('NFC', 'NFD', 'NFKC', 'NFKD', 'Nmt', 'Lowercase', 'StripAccents', 'ByteLevel'),
];
const splits = [
  ...[byteLevel, metaspace, split, { type: 'Punctuation', behavior: 'Removed' }],
  ...[
    { type: 'Digits', individual_digits: true },
    { type: 'FixedLength', length: 2 },
  ],
  ...[{ type: 'CharDelimiterSplit', delimiter: '-' }],
  ...simple('Whitespace', 'WhitespaceSplit', 'UnicodeScripts', 'BertPreTokenizer'),
];
const processors = [
  ...[template, byteLevel, { type: 'BertProcessing', ...ends }],
  { type: 'RobertaProcessing', ...ends, trim_offsets: true, add_prefix_space: false },
];
const decoders = [
  ...[byteLevel, metaspace, replace, { type: 'Strip', content: ' ', start: 1, stop: 0 }],
  ...[
    { type: 'CTC', pad_token: 'a', word_delimiter_token: '|', cleanup: true },
    { type: 'BPEDecoder', suffix: '' },
  ],
  ...[{ type: 'WordPiece', prefix: '##', cleanup: true }, ...simple('Fuse', 'ByteFallback')],
];
const pieces = {
  type: 'BPE',
  unk_token: '[UNK]',
  continuing_subword_prefix: '##',
  vocab: { '[UNK]': 0, a: 1, '##b': 2, ab: 3 },
  merges: [['a', '##b']],
};
const words = { type: 'WordLevel', unk_token: '[UNK]', vocab: { '[UNK]': 0, a: 1, the: 2 } };
const models = [wordTokenizer(['a', 'the', '##s', ','], {}).model, words, pieces, tiny.model, unigram.model];

/** Draws one component of a kind, or a sequence of two. */
const one = (list: readonly unknown[], key: string): fc.Arbitrary<unknown> =>
  fc.oneof(
    fc.constantFrom(null, ...list),
    fc
      .tuple(fc.constantFrom(...list), fc.constantFrom(...list))
      .map((both) => ({ type: 'Sequence', [key]: both })),
  );
const composed = fc
  .record({
    normalizer: one(normalizers, 'normalizers'),
    pre_tokenizer: one(splits, 'pretokenizers'),
    post_processor: one(processors, 'processors'),
    decoder: one(decoders, 'decoders'),
    model: fc.constantFrom(...models),
    added_tokens: fc.constantFrom(
      [],
      [addedToken(1, '[UNK]'), addedToken(5, 'a', { single_word: true, lstrip: true, normalized: true })],
    ),
  })
  .map((parts) => wordTokenizer([], parts));

const settings = {
  tokenizer_class: 'BertTokenizer',
  do_lower_case: false,
  eos_token: 'a',
  pad_token: '<new>',
  add_prefix_space: true,
  extra_ids: 2,
  image_token: '<image>',
  extra_special_tokens: ['<user>'],
  added_tokens_decoder: { '7': { content: 'a', lstrip: true } },
};
const classes = [
  'BertTokenizer',
  'GPT2Tokenizer',
  'LlamaTokenizer',
  'T5Tokenizer',
  'Qwen2Tokenizer',
  'DebertaV2Tokenizer',
  'PreTrainedTokenizerFast',
];
const config: fc.Arbitrary<string | Buffer> = fc.oneof(
  fc.constant('{}'),
  fc.constantFrom(...classes).chain((tokenizer_class) => damagedJson({ ...settings, tokenizer_class })),
);

const texts = ['', ' a', 'Über the 12 cafés,  don’t!', '<s>é\u0301\n東京<|endoftext|> a[MASK]'];

/** Writes files, loads the tokenizer, encodes and decodes with it. */
async function use(folder: string, files: Readonly<Record<string, string | Buffer>>): Promise<void> {
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const { vocabSize, eosId, bosId, padId, ...tokenizer } = await loadTokenizer(folder);
  for (const text of texts) {
    const ids = tokenizer.encode(text);
    const framed = tokenizer.template([ids, tokenizer.encode('a')]).ids;
    const strange = [...ids, ...framed, eosId ?? 0, bosId ?? 0, padId ?? 0].filter(
      (id) => !(Number.isInteger(id) && id >= 0 && id < 4_000_000),
    );
    expect([strange, typeof tokenizer.decode(framed, { skipSpecialTokens: true })]).toEqual([[], 'string']);
  }
  expect(vocabSize).toBeLessThanOrEqual(4_010_000);
}

it('a damaged tokenizer.json is refused in one line, or used', async () => {
  const folder = await temporaryFolder();
  const damaged = fc.oneof(
    {
      weight: 1,
      arbitrary: fc.constantFrom<unknown>(tiny, unigram, await read('llama3.json')).chain(damagedJson),
    },
    { weight: 1, arbitrary: composed.map((json) => Buffer.from(JSON.stringify(json))) },
    { weight: 3, arbitrary: composed.chain(damagedJson) },
  );
  const { accepted, refused } = await readDamaged(fc.tuple(damaged, config), ([json, settings]) =>
    use(folder, { 'tokenizer.json': json, 'tokenizer_config.json': settings }),
  );
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});

it('so are damaged vocab.json, merges.txt and added_tokens.json', async () => {
  const folder = await temporaryFolder();
  const vocab = byteVocabulary(['<|endoftext|>'], ['Ġa', 'ab']);
  const damaged = fc.record({
    'vocab.json': fc.oneof(fc.constant(JSON.stringify(vocab)), damagedJson(vocab)),
    'merges.txt': fc.oneof(
      fc.constant('#version: 0.2\nĠ a\na b\n'),
      damagedBytes(Buffer.from('#version: 0.2\nĠ a\na b\n')),
    ),
    'added_tokens.json': fc.oneof(
      fc.constant('{}'),
      changedJson({ '<new>': 259, a: 1 }).map((json) => JSON.stringify(json)),
    ),
    'tokenizer_config.json': config,
  });
  const { accepted, refused } = await readDamaged(damaged, (files) => use(folder, files));
  expect(accepted).toBeGreaterThan(0);
  expect(refused).toBeGreaterThan(0);
});
