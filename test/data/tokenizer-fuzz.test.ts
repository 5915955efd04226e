// Damaged tokenizers: whatever a file says, the outcome is a working tokenizer with whole ids or one UsageError. DELTABENCH_FUZZ
// sets how many are tried (10,000 by hand); the files of one that ends the process stay in the temporary folder.
import fc from 'fast-check';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/data/errors.ts';
import { loadTokenizer } from '../../harness/data/tokenizer.ts';
import { addedToken, byteVocabulary, wordTokenizer } from '../cases/tokenizer-folder.ts';
import { temporaryFolder } from './temporary.ts';

const runs = Number(process.env.DELTABENCH_FUZZ ?? 300);
const texts = ['', ' a', 'Über the 12 cafés,  don’t!', '<s>é\u0301\n東京<|endoftext|> a[MASK]'];

const here = join(import.meta.dirname, 'tokenizer');
const read = async (name: string): Promise<unknown> => JSON.parse(await readFile(join(here, name), 'utf8'));
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
const metaspace = { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false };
const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
const strip = { type: 'Strip', content: ' ', start: 1, stop: 0 };
const bertNormalizer = {
  ...{ type: 'BertNormalizer', clean_text: true, handle_chinese_chars: true },
  ...{ strip_accents: null, lowercase: true },
};
const roberta = {
  type: 'RobertaProcessing',
  sep: ['[SEP]', 3],
  cls: ['[CLS]', 2],
  trim_offsets: true,
  add_prefix_space: false,
};
const split = { type: 'Split', pattern: { Regex: '\\w+|[^\\w\\s]+' }, behavior: 'Isolated', invert: false };
const unigram = (await read('unigram.json')) as { normalizer: unknown };
const pieces = {
  type: 'BPE',
  unk_token: '[UNK]',
  continuing_subword_prefix: '##',
  vocab: { '[UNK]': 0, a: 1, '##b': 2, ab: 3 },
  merges: [['a', '##b']],
};

/** Sound tokenizer.json to damage. */
const bases: readonly unknown[] = [
  await read('tiny.json'),
  await read('llama3.json'),
  unigram,
  wordTokenizer(['a', 'the', '##s', ','], {
    normalizer: bertNormalizer,
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: template,
  }),
  wordTokenizer(['a'], {
    normalizer: {
      type: 'Sequence',
      normalizers: [{ type: 'NFKC' }, { type: 'Strip', strip_left: true, strip_right: true }, replace],
    },
    pre_tokenizer: {
      type: 'Sequence',
      pretokenizers: [
        split,
        { type: 'Digits', individual_digits: true },
        { type: 'Punctuation', behavior: 'Removed' },
      ],
    },
    post_processor: { type: 'Sequence', processors: [roberta] },
    added_tokens: [
      addedToken(1, '[UNK]'),
      addedToken(5, 'a', { single_word: true, lstrip: true, normalized: true }),
    ],
    model: pieces,
  }),
  wordTokenizer(['a'], {
    pre_tokenizer: metaspace,
    post_processor: { type: 'BertProcessing', sep: ['[SEP]', 3], cls: ['[CLS]', 2] },
    decoder: { type: 'Sequence', decoders: [replace, { type: 'ByteFallback' }, { type: 'Fuse' }, strip] },
  }),
];
/** Components to put in the place of others. */
const components: readonly unknown[] = [
  ...[template, metaspace, replace, strip, bertNormalizer, roberta, split, pieces, unigram.normalizer],
  ...[
    'Whitespace',
    'WhitespaceSplit',
    'UnicodeScripts',
    'BertPreTokenizer',
    'NFD',
    'Nmt',
    'Lowercase',
    'StripAccents',
    'Fuse',
  ].map((type) => ({ type })),
  ...[
    { type: 'FixedLength', length: 2 },
    { type: 'CharDelimiterSplit', delimiter: '-' },
    { type: 'Prepend', prepend: '▁' },
  ],
  ...[
    { type: 'CTC', pad_token: 'a', word_delimiter_token: '|', cleanup: true },
    { type: 'BPEDecoder', suffix: '' },
  ],
  ...[
    { type: 'WordPiece', prefix: '', cleanup: true },
    { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
  ],
  ...[{ type: 'Precompiled', precompiled_charsmap: 'BAAAAAAAAAA=' }],
];

const value: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom<unknown>(
    ...[
      null,
      true,
      false,
      0,
      1,
      -1,
      2,
      5,
      0.5,
      1e9,
      4294967295,
      4294967296,
      2 ** 53,
      1e300,
      '',
      'a',
      ' ',
      '▁',
      '##',
      '[UNK]',
    ],
    ...[
      'x'.repeat(70),
      '\u0000',
      '\ud800',
      [],
      {},
      [[]],
      [null],
      ['a', 0],
      ['a', 'b'],
      { id: 'A' },
      { type: 'Sequence' },
      '(',
      '\\',
      '.*',
      '$',
    ],
  ),
  fc.constantFrom(...components),
  fc.integer(),
  fc.string({ unit: 'binary', maxLength: 6 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const damage = fc.record({
  /** Which node of the JSON, among all or among those that are no entry of the vocabulary. */
  node: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  entries: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
  how: fc.constantFrom('replace', 'replace', 'remove', 'rename', 'double'),
  value,
});
type Damage = typeof damage extends fc.Arbitrary<infer T> ? T : never;
type Place = [holder: Record<string, unknown>, key: string];

function damaged(base: unknown, damages: readonly Damage[]): unknown {
  const root = { json: structuredClone(base) };
  for (const { node, entries, how, value } of damages) {
    const places: Place[] = [];
    const collect = (holder: object, inVocabulary: boolean): void => {
      for (const [key, child] of Object.entries(holder)) {
        if (!inVocabulary || entries) places.push([holder as Record<string, unknown>, key]);
        if (typeof child === 'object' && child !== null) collect(child as object, inVocabulary || key === 'vocab' || key === 'merges'); // prettier-ignore
      }
    };
    collect(root, false);
    const place = places[Math.floor(node * places.length)];
    if (!place) continue;
    const [holder, key] = place;
    const old = holder[key];
    if (how === 'remove' && holder !== root) Reflect.deleteProperty(holder, key);
    else if (how === 'rename' && !Array.isArray(holder) && holder !== root) {
      Reflect.deleteProperty(holder, key);
      holder[String(value)] = old;
    } else if (how === 'double' && Array.isArray(old))
      holder[key] = [...(old as unknown[]), ...(old as unknown[])];
    else holder[key] = structuredClone(value);
  }
  return root.json;
}

/** Loads and uses what lies in a folder. */
async function outcome(folder: string): Promise<void> {
  try {
    const tokenizer = await loadTokenizer(folder);
    const { vocabSize, eosId = 0, bosId = 0, padId = 0 } = tokenizer;
    const isId = (id: number): boolean => Number.isInteger(id) && id >= 0 && id < vocabSize;
    for (const text of texts) {
      const ids = tokenizer.encode(text);
      const framed = tokenizer.template([ids, tokenizer.encode('a')]).ids;
      for (const id of [...ids, ...framed, eosId, bosId, padId]) {
        if (!isId(id) && id !== 0) throw new Error(`${id} is no id below ${vocabSize}`);
      }
      expect(typeof tokenizer.decode(framed, { skipSpecialTokens: true })).toBe('string');
    }
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
  }
}

const settings = fc.option(
  fc.dictionary(
    fc.constantFrom(
      'tokenizer_class',
      'eos_token',
      'pad_token',
      'add_bos_token',
      'add_prefix_space',
      'extra_ids',
      'added_tokens_decoder',
      'do_lower_case',
      'extra_special_tokens',
      'image_token',
    ),
    fc.oneof(
      value,
      fc.constantFrom(
        'BertTokenizer',
        'GPT2Tokenizer',
        'LlamaTokenizer',
        'T5Tokenizer',
        'Qwen2Tokenizer',
        'DebertaV2Tokenizer',
        { '7': { content: 'a' } },
      ),
    ),
  ),
  { freq: 2 },
);

it('damaged tokenizer.json', async () => {
  const folder = await temporaryFolder();
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bases),
      fc.array(damage, { minLength: 1, maxLength: 3 }),
      settings,
      async (base, damages, config) => {
        await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(damaged(base, damages)));
        await rm(join(folder, 'tokenizer_config.json'), { force: true });
        if (config) await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config));
        await outcome(folder);
      },
    ),
    { seed: 21, numRuns: runs },
  );
});

it('damaged vocab.json, merges.txt and added_tokens.json', async () => {
  const folder = await temporaryFolder();
  const files = { vocab: byteVocabulary(['<|endoftext|>'], ['Ġa', 'ab']), added: { '<new>': 259, a: 1 } };
  const merges = ['#version: 0.2', 'Ġ a', 'a b'];
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        damage.map((one) => ({ ...one, entries: true })),
        { minLength: 0, maxLength: 3 },
      ),
      fc.array(
        fc.oneof(fc.constantFrom(...merges, 'a', 'b a b', 'x y', '', '\r'), fc.string({ maxLength: 5 })),
        { maxLength: 4 },
      ),
      settings,
      async (damages, lines, config) => {
        const { vocab, added } = Object(damaged(files, damages)) as Record<string, unknown>;
        await writeFile(join(folder, 'vocab.json'), JSON.stringify(vocab ?? null));
        await writeFile(join(folder, 'merges.txt'), [...merges, ...lines].join('\n'));
        await writeFile(join(folder, 'added_tokens.json'), JSON.stringify(added ?? {}));
        await writeFile(join(folder, 'tokenizer_config.json'), JSON.stringify(config ?? {}));
        await outcome(folder);
      },
    ),
    { seed: 21, numRuns: runs },
  );
});
