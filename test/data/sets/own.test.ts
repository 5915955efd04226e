// Tests of reading a user's own data: every form, how it is divided, and what is refused, with file and row.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { divide, parseShares } from '../../../harness/data/sets/own/divide.ts';
import { nameOfData } from '../../../harness/data/sets/own/find-files.ts';
import {
  countSeen,
  loadOwnData,
  type OwnColumns,
  type OwnData,
} from '../../../harness/data/sets/own/load.ts';
import { damagedBytes, readDamaged } from '../../fuzz.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const columns: OwnColumns = { inputs: ['text'], answer: 'label', stratified: true };

/** Ten made-up rows, half of each class. */
const rows = Array.from({ length: 10 }, (_, i) => ({
  text: i % 3 === 0 ? `Tea, cup ${i}` : `He said "tea ${i}"`,
  label: i % 2 ? 'warm' : 'cold',
}));
const quoted = (text: string): string => `"${text.replaceAll('"', '""')}"`;
const csv = `text,label\n${rows.map(({ text, label }) => `${quoted(text)},${label}\n`).join('')}`;
const tsv = `text\tlabel\n${rows.map(({ text, label }) => `${text}\t${label}\n`).join('')}`;
const jsonl = rows.map((row) => `${JSON.stringify(row)}\n`).join('');

async function load(
  files: Readonly<Record<string, string | Buffer>>,
  changes: Partial<OwnColumns> = {},
): Promise<OwnData> {
  const folder = await temporaryFolder();
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  const names = Object.keys(files);
  return loadOwnData(names.length === 1 ? join(folder, names[0]!) : folder, { ...columns, ...changes });
}

/** The message with which files are refused, without the folder's name. */
async function refusal(
  files: Readonly<Record<string, string | Buffer>>,
  changes: Partial<OwnColumns> = {},
): Promise<string> {
  return load(files, changes).then(
    () => 'they are read',
    (error: unknown) => String(error).replaceAll(/\/\S*\/(?=[\w.]+)/g, ''),
  );
}

test.each([
  ['data.csv', csv],
  ['data.csv', `\ufeff${csv.replaceAll('\n', '\r\n')}`],
  ['data.tsv', tsv],
  ['data.tsv', `text\tlabel\n${rows.map(({ text, label }) => `${quoted(text)}\t${label}\n`).join('')}`],
  ['data.jsonl', jsonl],
  ['data.NDJSON', `\n${jsonl}\n`],
])('%s holds the same rows in every form', async (name, content) => {
  const { train, validation, test, dropped, shares } = await load({ [name]: content });
  const found = [...train, ...validation, ...test].map(({ inputs, answer }) => ({
    text: inputs[0],
    label: answer,
  }));
  expect(found.sort((a, b) => (a.text! < b.text! ? -1 : 1))).toEqual(
    [...rows].sort((a, b) => (a.text < b.text ? -1 : 1)),
  );
  expect([train.length, validation.length, test.length]).toEqual([8, 1, 1]);
  expect({ dropped, shares }).toEqual({ dropped: [], shares: '80/10/10' });
});

// Written by pyarrow 26.0.1 with the metadata of `datasets`: four rows of a text and a ClassLabel (weather, drink).
const parquet = Buffer.from(
  [
    'UEFSMRUEFXYVdEwVCBUAEgAAO3gLAAAAVGVhIGlzIGhvdC4KAAAAUmFpbiBmZWxsLg0ACR1Ud2FzIGNvbGQuCQAAAFN1biByb3Nl',
    'LhUAFRQVGCwVCBUQFQYVBhw2ACgNVGVhIHdhcyBjb2xkLhgKUmFpbiBmZWxsLhERAAAACiQCAAAACAECA+QAFQQVIBUkTBUEFQAS',
    'AAAQPAEAAAAAAAAAAAAAAAAAAAAVABUSFRYsFQgVEBUGFQYcGAgBAAAAAAAAABgIAAAAAAAAAAAWACgIAQAAAAAAAAAYCAAAAAAA',
    'AAAAEREAAAAJIAIAAAAIAQEDChUEGTw1ABgGc2NoZW1hFQQAFQwlAhgEdGV4dCUATBwAAAAVBCUCGAVsYWJlbAAWCBkcGSwmABwV',
    'DBk1AAYQGRgEdGV4dBUCFggWigIWjAImmAEmCBw2ACgNVGVhIHdhcyBjb2xkLhgKUmFpbiBmZWxsLhERABksFQQVABUCABUAFRAV',
    'AgA8FlYZBhkmAAgAAAAmABwVBBk1AAYQGRgFbGFiZWwVAhYIFswBFtQBJtQCJpQCHBgIAQAAAAAAAAAYCAAAAAAAAAAAFgAoCAEA',
    'AAAAAAAAGAgAAAAAAAAAABERABksFQQVABUCABUAFRAVAgA8KQYZJgAIAAAAFtYDFggmCBbgAwAZLBgLaHVnZ2luZ2ZhY2UYiAF7',
    'ImluZm8iOiB7ImZlYXR1cmVzIjogeyJ0ZXh0IjogeyJkdHlwZSI6ICJzdHJpbmciLCAiX3R5cGUiOiAiVmFsdWUifSwgImxhYmVs',
    'IjogeyJuYW1lcyI6IFsid2VhdGhlciIsICJkcmluayJdLCAiX3R5cGUiOiAiQ2xhc3NMYWJlbCJ9fX19ABgMQVJST1c6c2NoZW1h',
    'GPgDLy8vLy8zQUJBQUFRQUFBQUFBQUtBQTRBQmdBRkFBZ0FDZ0FBQUFBQkJBQVFBQUFBQUFBS0FBd0FBQUFFQUFnQUNnQUFBTVFB',
    'QUFBRUFBQUFBUUFBQUF3QUFBQUlBQXdBQkFBSUFBZ0FBQUNZQUFBQUJBQUFBSWdBQUFCN0ltbHVabThpT2lCN0ltWmxZWFIxY21W',
    'eklqb2dleUowWlhoMElqb2dleUprZEhsd1pTSTZJQ0p6ZEhKcGJtY2lMQ0FpWDNSNWNHVWlPaUFpVm1Gc2RXVWlmU3dnSW14aFlt',
    'VnNJam9nZXlKdVlXMWxjeUk2SUZzaWQyVmhkR2hsY2lJc0lDSmtjbWx1YXlKZExDQWlYM1I1Y0dVaU9pQWlRMnhoYzNOTVlXSmxi',
    'Q0o5ZlgxOUFBQUFBQXNBQUFCb2RXZG5hVzVuWm1GalpRQUNBQUFBVUFBQUFBUUFBQURJLy8vL0FBQUJBaEFBQUFBZ0FBQUFCQUFB',
    'QUFBQUFBQUZBQUFBYkdGaVpXd0FBQUFJQUF3QUNBQUhBQWdBQUFBQUFBQUJRQUFBQUJBQUZBQUlBQVlBQndBTUFBQUFFQUFRQUFB',
    'QUFBQUJCUkFBQUFBY0FBQUFCQUFBQUFBQUFBQUVBQUFBZEdWNGRBQUFBQUFFQUFRQUJBQUFBQT09ABggcGFycXVldC1jcHAtYXJy',
    'b3cgdmVyc2lvbiAyNi4wLjEZLBwAABwAAADWAwAAUEFSMQ==',
  ].join(''),
  'base64',
);

test('parquet files have the names that datasets gave to their classes', async () => {
  const data = await load({ 'train.parquet': parquet, 'val.parquet': parquet, 'test.parquet': parquet });
  expect(data.classNames).toEqual(['weather', 'drink']);
  const all = data.train.map(({ inputs, answer }) => [inputs[0], answer]);
  expect(Object.fromEntries(all)).toEqual({
    'Tea is hot.': 'drink',
    'Rain fell.': 'weather',
    'Tea was cold.': 'drink',
    'Sun rose.': 'weather',
  });
});

test('a folder has a file for each split, of any form, whose rows stay as they are', async () => {
  const data = await load({ 'train.csv': csv, 'dev.tsv': tsv, 'test.jsonl': jsonl, 'notes.txt': 'x' });
  expect([data.train, data.validation, data.test].map((split) => split.length)).toEqual([10, 10, 10]);
  expect([data.form, data.shares]).toEqual(['csv+tsv+jsonl', undefined]);
  expect(countSeen(data, 'test')).toBe(10);
});

test('rows without a text or a class, and copies, are left out and named', async () => {
  const data = await load({
    'data.csv': `${csv}"",warm\n"  ",warm\nnew,\n${quoted(rows[0]!.text)},cold\n"two\nlines",warm\nlast,\n`,
  });
  expect(data.dropped).toEqual([
    { why: 'no text', places: ['line 12', 'line 13'] },
    { why: 'no label', places: ['line 14', 'line 18'] },
    { why: 'the same as an earlier row', places: ['line 15'] },
  ]);
  expect(data.rows).toBe(16);
});

test('references are lists in JSON, and texts or JSON lists elsewhere', async () => {
  const own = { inputs: ['text'], answer: 'label', references: 'refs', stratified: false };
  const line = (refs: unknown, i: number): string => JSON.stringify({ text: `t${i}`, label: 'a', refs });
  const lines = [['b', 'c'], 'd', null, '["e", "f"]', '[g'].map(line).join('\n');
  const data = await load({ 'train.jsonl': lines, 'val.jsonl': lines, 'test.jsonl': lines }, own);
  expect(data.test.map(({ references }) => references)).toEqual([['b', 'c'], ['d'], [], ['e', 'f'], ['[g']]);
});

test('the hash is that of the files and of how they are read', async () => {
  const hashes = await Promise.all([
    load({ 'data.csv': csv }),
    load({ 'other.csv': csv }),
    load({ 'data.csv': csv }, { split: '60/20/20' }),
    load({ 'data.csv': csv.replace('cup 0', 'cup 11') }),
    load({ 'data.csv': csv.replace('text', 'texts') }, { inputs: ['texts'] }),
  ]);
  expect(hashes[0].hash).toBe(hashes[1].hash);
  expect(new Set(hashes.map(({ hash }) => hash)).size).toBe(4);
});

describe('broken files are refused in one line', () => {
  test.each<[string, Record<string, string | Buffer>, string | RegExp, Partial<OwnColumns>?]>([
    ['an empty file', { 'a.csv': '' }, /a.csv is empty/],
    ['a header alone', { 'a.csv': 'text,label\n' }, /a.csv has columns \(text, label\) and no rows/],
    [
      'no such column',
      { 'a.csv': csv },
      /no column "texts". Did you mean "text"\? Columns: text, label/,
      { inputs: ['texts'] },
    ],
    [
      'semicolons',
      { 'a.csv': csv.replaceAll(/,(?=\w+\n)/g, ';') },
      /a.csv, line 1 separates its columns by semicolons/,
    ],
    [
      'a column twice',
      { 'a.csv': 'text,label,text\n1,2,3\n' },
      /a.csv, line 1 names the column "text" twice/,
    ],
    [
      'too many fields',
      { 'a.csv': `${csv}Tea, hot,warm\n` },
      /a.csv, line 12 has 3 fields, the header 2 \(text, label\)/,
    ],
    ['too few fields', { 'a.csv': `${csv}Tea\n` }, /a.csv, line 12 has 1 field, the header 2/],
    [
      'an open quote',
      { 'a.csv': `${csv}"Tea,warm\n` },
      /a.csv, line 12: the file ends within a quoted field/,
    ],
    ['a quote inside', { 'a.csv': `${csv}Te"a,warm\n` }, /a.csv, line 12: a quote stands inside a field/],
    [
      'another alphabet',
      { 'a.csv': Buffer.from(`${csv}Th\xe9,warm\n`, 'latin1') },
      /a.csv, line 12 is not UTF-8/,
    ],
    ['UTF-16', { 'a.csv': Buffer.from(`\ufeff${csv}`, 'utf16le') }, /a.csv is UTF-16 text; save it as UTF-8/],
    ['a zip archive', { 'a.csv': Buffer.from('PK\x03\x04more') }, /a.csv is a zip archive/],
    ['a parquet file by another name', { 'a.jsonl': parquet }, /a.jsonl is a parquet file/],
    ['no parquet file', { 'a.parquet': csv }, /a.parquet is not a parquet file/],
    ['an unknown ending', { 'a.xlsx': csv }, /a.xlsx has no ending that tells its form; .*csv, .tsv/],
    ['fields of a TSV', { 'a.tsv': `${tsv}a\tb\tc\n` }, /a.tsv, line 12 has 3 fields, the header 2/],
    ['no JSON', { 'a.jsonl': `${jsonl}{"text": \n` }, /a.jsonl, line 11 is not JSON/],
    ['a JSON list', { 'a.jsonl': `[\n${jsonl}]` }, /a.jsonl, line 1 is not JSON: it begins a JSON list/],
    ['no object', { 'a.jsonl': `${jsonl}3\n` }, /a.jsonl, line 11 is no JSON object/],
    [
      'a list for a text',
      { 'a.jsonl': `${jsonl}{"text": ["x"], "label": "warm"}\n` },
      /a.jsonl, line 11: text is a list, \["x"\]/,
    ],
    [
      'no value anywhere',
      { 'a.csv': 'text,label\nx,\ny,\n' },
      /a.csv: none of its 2 rows can be used \(2: no label\)/,
    ],
    ['too few rows', { 'a.csv': 'text,label\nx,1\ny,2\n' }, /leaves no row for validation: there are 2/],
    ['no such shares', { 'a.csv': csv }, /--split 80\/20: give the percent of training/, { split: '80/20' }],
    ['shares above the whole', { 'a.csv': csv }, /which make 100/, { split: '80/10/20' }],
    ['one column for both', { 'a.csv': csv }, /The column "label" is named twice/, { inputs: ['label'] }],
    [
      'a split without a file',
      { 'train.csv': csv, 'test.csv': csv },
      /has no file for validation: wanted validation or valid/,
    ],
    [
      'a split with two files',
      { 'train.csv': csv, 'train.tsv': tsv, 'dev.csv': csv, 'test.csv': csv },
      /train.csv and train.tsv, of which one can be the train split/,
    ],
    [
      'shares for a folder',
      { 'train.csv': csv, 'dev.csv': csv, 'test.csv': csv },
      /--split divides one file/,
      { split: '80/10/10' },
    ],
  ])('%s', async (_, files, message, changes) => {
    const refused = await refusal(files, changes);
    expect(refused).toMatch(/^UsageError: [^\n]*$/);
    expect(refused).toMatch(message);
  });

  test('nothing at the place, and a folder without files', async () => {
    const folder = await temporaryFolder();
    await expect(loadOwnData(join(folder, 'none.csv'), columns)).rejects.toThrow(/there is no such file/);
    await mkdir(join(folder, 'empty'));
    await expect(loadOwnData(join(folder, 'empty'), columns)).rejects.toThrow(
      /no file for train and validation and test/,
    );
  });

  test.each([
    ['a.csv', Buffer.from(csv)],
    ['a.tsv', Buffer.from(tsv)],
    ['a.jsonl', Buffer.from(jsonl)],
    ['a.parquet', parquet],
  ])('damaged files of the form %s', async (name, valid) => {
    const folder = await temporaryFolder();
    await readDamaged(damagedBytes(valid), async (bytes) => {
      const path = join(folder, name);
      await writeFile(path, bytes);
      await loadOwnData(path, columns);
    });
  });
});

test('rows are divided into the shares, by class, with equal inputs together, and always alike', () => {
  interface Row {
    readonly input: number;
    readonly answer: string;
  }
  const row = fc.record({ input: fc.nat(400), answer: fc.constantFrom('a', 'b', 'c') });
  fc.assert(
    fc.property(fc.array(row, { minLength: 60, maxLength: 300 }), (all) => {
      const by = {
        group: (one: Row) => String(one.input),
        stratum: (one: Row) => one.answer,
      };
      const splits = divide(all, parseShares('60/20/20'), by);
      expect(divide(all, parseShares('60/20/20'), by)).toEqual(splits);
      const inputs = Object.values(splits).map((split) => new Set(split.map(({ input }) => input)));
      const groups = new Set(all.map(({ input }) => input)).size;
      expect(inputs[0]!.size + inputs[1]!.size + inputs[2]!.size).toBe(groups);
      expect(Math.abs(inputs[1]!.size - groups * 0.2)).toBeLessThan(2.5);
      expect(Object.values(splits).flat()).toHaveLength(all.length);
    }),
    { seed: 5, numRuns: 50 },
  );
  const even = Array.from({ length: 200 }, (_, i) => ({ input: i, answer: i < 150 ? 'often' : 'rare' }));
  const { validation, test } = divide(even, parseShares('80/10/10'), {
    group: ({ input }) => String(input),
    stratum: ({ answer }) => answer,
  });
  for (const split of [validation, test]) {
    expect(split.filter(({ answer }) => answer === 'often')).toHaveLength(15);
    expect(split.filter(({ answer }) => answer === 'rare')).toHaveLength(5);
  }
});

test.each([
  ['/data/My Reviews.csv', 'my-reviews'],
  ['../ab/', 'ab'],
  ['données_v2.parquet', 'donnees-v2'],
  ['数据.jsonl', 'data'],
])('the name of %s', (place, name) => {
  expect(nameOfData(place)).toBe(name);
});
