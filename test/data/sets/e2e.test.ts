// Tests of reading the E2E data set from files and the hub; DELTABENCH_DATA names the real data.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { groupByMeaning, loadE2E, type E2E } from '../../../harness/data/sets/e2e/load.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { readParquet } from '../../../harness/data/formats/parquet.ts';
import { startHub, type TestRepo } from '../hub/hub-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const data = process.env.DELTABENCH_DATA;

const csv = {
  'trainset.csv': 'mr,ref\n"name[Old Mill], food[soup]","Soup, at ""Old Mill""."\nname[Inn],Two\n',
  'devset.csv': '\ufeffMR,REF\r\nname[Inn],An inn.\r\n',
  'testset_w_refs.csv': '"mr","ref"\n"name[Inn]","Lines\nof text."\nname[Inn],£5 inn.\n\n',
};
const lora = {
  'train.txt': 'name : Old Mill | food : soup||Old Mill has soup . \nname : Inn||Inn || pub . \n',
  'valid.txt': 'name : Inn||An inn .\r\n',
  'test.txt': 'name : Inn||£ 5 inn . ',
};

async function folderWith(files: Record<string, string | Buffer>, under = ''): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, under), { recursive: true });
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, under, name), content);
  return folder;
}

const load = async (files: Record<string, string | Buffer>, under?: string): Promise<E2E> =>
  loadE2E({ kind: 'folder', path: await folderWith(files, under) });

test('the official CSV: quotes, line breaks, any case, a byte order mark', async () => {
  const { form, hash, ...splits } = await load(csv);
  expect(form).toBe('csv');
  expect(hash).toMatch(/^[0-9a-f]{64}$/);
  expect(splits).toEqual({
    train: [
      { meaning: 'name[Old Mill], food[soup]', reference: 'Soup, at "Old Mill".' },
      { meaning: 'name[Inn]', reference: 'Two' },
    ],
    validation: [{ meaning: 'name[Inn]', reference: 'An inn.' }],
    test: [
      { meaning: 'name[Inn]', reference: 'Lines\nof text.' },
      { meaning: 'name[Inn]', reference: '£5 inn.' },
    ],
  });
});

test("LoRA's text, plain and gzipped alike", async () => {
  const { form, hash, ...splits } = await load(lora);
  expect(form).toBe('lora');
  expect(splits).toEqual({
    train: [
      { meaning: 'name : Old Mill | food : soup', reference: 'Old Mill has soup .' },
      { meaning: 'name : Inn', reference: 'Inn || pub .' },
    ],
    validation: [{ meaning: 'name : Inn', reference: 'An inn .' }],
    test: [{ meaning: 'name : Inn', reference: '£ 5 inn .' }],
  });
  const { 'train.txt': train, ...rest } = lora;
  expect(await load({ ...rest, 'train.txt.gz': gzipSync(train) })).toEqual({ form, hash, ...splits });
  expect((await load({ ...lora, 'test.txt': 'name : Inn||Another .' })).hash).not.toBe(hash);
});

test('a folder of many data sets; the form that is complete', async () => {
  expect((await load(lora, 'e2e/lora-format')).form).toBe('lora');
  expect((await load(csv, 'e2e/original')).form).toBe('csv');
  expect((await load(csv, 'original')).form).toBe('csv');
  const withoutTraining = {
    'devset.csv': csv['devset.csv'],
    'testset_w_refs.csv': csv['testset_w_refs.csv'],
  };
  expect((await load({ ...withoutTraining, ...lora })).form).toBe('lora');
  expect((await load({ ...csv, ...lora })).form).toBe('csv');
});

describe('refused with a clear line', () => {
  const refusals: [string, Record<string, string | Buffer>, RegExp][] = [
    ['an empty folder', {}, /holds no complete E2E data: wanted trainset\.csv.*none of them is there/],
    [
      'two halves',
      { 'trainset.csv': csv['trainset.csv'], 'valid.txt': '', 'test.txt': '' },
      /lacks devset\.csv and testset_w_refs\.csv; .* lacks train\.txt\. .*must be of one form/,
    ],
    ['an empty file', { ...csv, 'devset.csv': '' }, /devset\.csv holds no rows/],
    ['a header alone', { ...csv, 'devset.csv': 'mr,ref\n' }, /devset\.csv holds no rows/],
    ['an empty text', { ...lora, 'train.txt': '\n' }, /train\.txt holds no rows/],
    [
      'a missing column',
      { ...csv, 'trainset.csv': 'mr,text\na,b\n' },
      /trainset\.csv lacks the column ref; its first line names mr, text/,
    ],
    ['both columns missing', { ...csv, 'trainset.csv': 'x\na\n' }, /lacks the columns mr and ref/],
    [
      'a field too many',
      { ...csv, 'trainset.csv': 'mr,ref\na,b\na,b,c\n' },
      /trainset\.csv, line 3: Invalid Record Length/,
    ],
    [
      'an open quote',
      { ...csv, 'trainset.csv': 'mr,ref\na,b\na,"b\n' },
      /trainset\.csv, line \d: Quote Not Closed/,
    ],
    [
      'an empty field',
      { ...csv, 'trainset.csv': 'mr,ref\na,b\n,c\n' },
      /trainset\.csv, line 3: the meaning is empty/,
    ],
    ['no separator', { ...lora, 'valid.txt': 'a||b\n\na|b\n' }, /valid\.txt, line 3: there is no "\|\|"/],
    ['an empty reference', { ...lora, 'valid.txt': 'a|| \n' }, /valid\.txt, line 1: the reference is empty/],
    ['bytes that are no text', { ...lora, 'valid.txt': Buffer.from([97, 0xff]) }, /valid\.txt is not UTF-8/],
    [
      'a broken archive',
      { 'valid.txt': 'a||b', 'test.txt': 'a||b', 'train.txt.gz': 'x' },
      /train\.txt\.gz cannot be unpacked/,
    ],
  ];
  test.each(refusals)('%s', async (_, files, message) => {
    const error: unknown = await load(files).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });
});

describe('from the hub', () => {
  const parquet = (name: string) => readFile(join(import.meta.dirname, 'e2e', name));

  async function loadFrom(revisions: TestRepo['revisions']): Promise<E2E> {
    const hub = await startHub({ type: 'dataset', name: 'tuetschek/e2e_nlg', revisions });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    vi.stubEnv('HF_HOME', await temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    return loadE2E({ kind: 'hub' });
  }

  test('rows of main, or of the converted branch where main has a script only', async () => {
    const [three, two] = await Promise.all([
      parquet('three-rows.snappy.parquet'),
      parquet('two-rows.zstd.parquet'),
    ]);
    const converted = await loadFrom({
      main: { 'e2e_nlg.py': Buffer.from('raise SystemExit') },
      'refs/convert/parquet': {
        'default/train/0001.parquet': two,
        'default/train/0000.parquet': three,
        'default/validation/0000.parquet': two,
        'default/test/0000.parquet': three,
      },
    });
    expect(converted.form).toBe('hub');
    expect(converted.train.map(({ reference }) => reference)).toEqual(
      [0, 1, 2, 0, 1].map((i) => `Old Mill ${i} serves soup for £${i}.`),
    );
    expect(converted.test[2]).toEqual({
      meaning: 'name[Old Mill 2], food[soup]',
      reference: 'Old Mill 2 serves soup for £2.',
    });
    const main = await loadFrom({
      main: {
        'data/train-00000-of-00001.parquet': three,
        'data/validation-00000-of-00001.parquet': two,
        'data/test-00000-of-00001.parquet': two,
      },
    });
    expect([main.train.length, main.validation.length, main.test.length]).toEqual([3, 2, 2]);
    expect(main.hash).not.toBe(converted.hash);
  });

  test('no rows, and files that are no parquet, are clear errors', async () => {
    await expect(loadFrom({ main: {}, 'refs/convert/parquet': {} })).rejects.toThrow(
      /has no rows for each of train, validation, test/,
    );
    const broken = { 'default/train/0000.parquet': Buffer.from('PAR1 not really PAR1') };
    await expect(loadFrom({ main: {}, 'refs/convert/parquet': broken })).rejects.toThrow(UsageError);
    await expect(loadFrom({ main: broken })).rejects.toThrow(/is not a parquet file that can be read/);
    const folder = await temporaryFolder();
    await writeFile(join(folder, 'x'), await parquet('two-rows.zstd.parquet'));
    await expect(readParquet(join(folder, 'x'), ['human_reference', 'mr'])).rejects.toThrow(
      /with the columns human_reference, mr: .*mr/,
    );
  });
});

test('rows are grouped by meaning, in order of first appearance', () => {
  const rows = ['b1', 'a1', 'b2', 'c1', 'a2'].map((reference) => ({ meaning: reference[0]!, reference }));
  expect(groupByMeaning(rows)).toEqual([
    { meaning: 'b', references: ['b1', 'b2'], rows: [0, 2] },
    { meaning: 'a', references: ['a1', 'a2'], rows: [1, 4] },
    { meaning: 'c', references: ['c1'], rows: [3] },
  ]);
});

test.skipIf(!data)('the real data (needs DELTABENCH_DATA)', async () => {
  const e2e = await loadE2E({ kind: 'folder', path: data! });
  expect(e2e.form).toBe('lora');
  expect([e2e.train.length, e2e.validation.length, e2e.test.length]).toEqual([42_061, 4_672, 4_693]);
  expect(groupByMeaning(e2e.test).length).toBe(630);
});
