// Tests of reading GLUE from files and the hub; DELTABENCH_DATA names the real data.
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { loadGlue, type Glue } from '../../../harness/data/sets/glue/load.ts';
import { type GlueName, glueNames } from '../../../harness/data/sets/glue/rows.ts';
import { startHub } from '../hub/hub-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const data = process.env.DELTABENCH_DATA;

/** Two made-up rows in the official format of each task. */
const rows: Record<GlueName, string> = {
  cola: 'src\t1\t\tThe cat sat.\nsrc\t0\t*\tCat the "sat.\n',
  mnli:
    'index\tsentence1\tsentence2\tlabel1\tgold_label\n0\tTea is hot.\tIt is ' +
    'cold.\tneutral\tcontradiction\n1\tA cat.\tA pet.\t-\tneutral\n',
  mrpc: '\ufeffQuality\t#1 ID\t#2 ID\t#1 String\t#2 String\n1\t10\t11\tOne cup .\tA cup .\n0\t12\t13\tTwo .\tSix .\n',
  qnli:
    'index\tquestion\tsentence\tlabel\n0\tWho sat?\tThe cat sat.\tentailment\n1\tWho?\tIt ' +
    'rained.\tnot_entailment\n',
  qqp:
    'id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n0\t1\t2\tWhat is tea?\tTea is ' +
    'what?\t1\n1\t3\t4\tHow \n1\t5\t6\tWhy?\tWhen?\t0\n',
  rte: 'index\tsentence1\tsentence2\tlabel\n0\tThe cat sat.\tA cat sat.\tentailment\n1\tRain.\tSun.\tnot_entailment\n',
  sst2: 'sentence\tlabel\nfine tea \t1\ncold tea \t0\n',
  stsb: 'index\tscore\tsentence1\tsentence2\n0\t4.750\tOne cup.\tA cup.\n1\t0\tTwo.\tSix.\n',
};
const folders = {
  cola: 'CoLA',
  mnli: 'MNLI',
  mrpc: 'MRPC',
  qnli: 'QNLI',
  qqp: 'QQP',
  rte: 'RTE',
  sst2: 'SST-2',
  stsb: 'STS-B',
} as const;
const filesOf = (name: GlueName): string[] =>
  name === 'mnli' ? ['train.tsv', 'dev_matched.tsv', 'dev_mismatched.tsv'] : ['train.tsv', 'dev.tsv'];

async function folderWith(name: GlueName, files: Record<string, string>, under: string): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, under), { recursive: true });
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, under, file), content);
  return folder;
}
const load = async (name: GlueName, files: Record<string, string>, under = ''): Promise<Glue> =>
  loadGlue(name, { kind: 'folder', path: await folderWith(name, files, under) });

test.each(glueNames)('the official files of %s', async (name) => {
  const expected: Record<GlueName, [string[], number][]> = {
    cola: [
      [['The cat sat.'], 1],
      [['Cat the "sat.'], 0],
    ],
    mnli: [
      [['Tea is hot.', 'It is cold.'], 2],
      [['A cat.', 'A pet.'], 1],
    ],
    mrpc: [
      [['One cup .', 'A cup .'], 1],
      [['Two .', 'Six .'], 0],
    ],
    qnli: [
      [['Who sat?', 'The cat sat.'], 0],
      [['Who?', 'It rained.'], 1],
    ],
    qqp: [
      [['What is tea?', 'Tea is what?'], 1],
      [['Why?', 'When?'], 0],
    ],
    rte: [
      [['The cat sat.', 'A cat sat.'], 0],
      [['Rain.', 'Sun.'], 1],
    ],
    sst2: [
      [['fine tea '], 1],
      [['cold tea '], 0],
    ],
    stsb: [
      [['One cup.', 'A cup.'], 4.75],
      [['Two.', 'Six.'], 0],
    ],
  };
  const files = Object.fromEntries(filesOf(name).map((file) => [file, rows[name]]));
  for (const under of ['', folders[name], join('glue', folders[name])]) {
    const { form, hash, ...splits } = await load(name, files, under);
    expect(form).toBe('tsv');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    const all = expected[name].map(([texts, label], i) => ({ id: String(i), texts, label }));
    expect(splits).toEqual({ train: all, validation: all, mismatched: name === 'mnli' ? all : [] });
  }
});

test('the hash follows the content of each split', async () => {
  const [one, two] = [rows.sst2, `${rows.sst2}weak tea\t0\n`];
  const hashes = [
    await load('sst2', { 'train.tsv': one, 'dev.tsv': one }),
    await load('sst2', { 'train.tsv': two, 'dev.tsv': one }),
    await load('sst2', { 'train.tsv': one, 'dev.tsv': two }),
    await load('sst2', { 'train.tsv': one, 'dev.tsv': one }, 'SST-2'),
  ].map(({ hash }) => hash);
  expect(new Set(hashes).size).toBe(3);
  expect(hashes[3]).toBe(hashes[0]);
});

describe('refused with a clear line', () => {
  test.each<[string, GlueName, Record<string, string>, RegExp]>([
    [
      'an empty folder',
      'rte',
      {},
      /holds no complete RTE data: wanted train\.tsv, dev\.tsv .* glue\/RTE\), but none of them is there/,
    ],
    [
      'no training set',
      'qnli',
      { 'dev.tsv': rows.qnli },
      /holds no complete QNLI data: .* lacks train\.tsv\. Get them, or give --data hub/,
    ],
    ['no mismatched set', 'mnli', { 'train.tsv': '', 'dev_matched.tsv': '' }, /lacks dev_mismatched\.tsv/],
    [
      'a missing column',
      'sst2',
      { 'train.tsv': 'sentence\nfine\n', 'dev.tsv': rows.sst2 },
      /train\.tsv, line 1 lacks the column label; expected a header with sentence, label/,
    ],
    [
      'a header where there is none',
      'cola',
      { 'train.tsv': `a\tlabel\tb\tc\n${rows.cola}`, 'dev.tsv': rows.cola },
      /train\.tsv, line 1: the label is "label"; expected 0 or 1/,
    ],
    [
      'a class that is none',
      'rte',
      { 'train.tsv': rows.rte, 'dev.tsv': rows.rte.replace('not_entailment', 'maybe') },
      /dev\.tsv, line 3: the label is "maybe"; expected entailment or not_entailment/,
    ],
    [
      'a number out of range',
      'mrpc',
      { 'train.tsv': rows.mrpc.replace('\n0\t', '\n2\t'), 'dev.tsv': rows.mrpc },
      /train\.tsv, line 3: the label is "2"; expected 0 or 1/,
    ],
    [
      'a score out of range',
      'stsb',
      { 'train.tsv': rows.stsb.replace('4.750', '5.1'), 'dev.tsv': rows.stsb },
      /train\.tsv, line 2: the score is "5\.1"; expected a number from 0 to 5/,
    ],
    [
      'a score that is none',
      'stsb',
      { 'train.tsv': rows.stsb.replace('4.750', ''), 'dev.tsv': rows.stsb },
      /line 2: the score is ""/,
    ],
    [
      'a header alone',
      'sst2',
      { 'train.tsv': rows.sst2, 'dev.tsv': 'sentence\tlabel\n' },
      /holds no rows of sst2's validation split/,
    ],
  ])('%s', async (_, name, files, message) => {
    const error: unknown = await load(name, files).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });
});

describe('from the hub', () => {
  const parquet = (name: string) => readFile(join(import.meta.dirname, 'glue', `${name}.parquet`));

  async function loadFrom(name: GlueName, revisions: Record<string, Record<string, string>>): Promise<Glue> {
    const files = async (given: Record<string, string>) =>
      Object.fromEntries(
        await Promise.all(
          Object.entries(given).map(async ([path, file]) => [path, await parquet(file)] as const),
        ),
      );
    const filled = await Promise.all(
      Object.entries(revisions).map(async ([revision, given]) => [revision, await files(given)] as const),
    );
    const hub = await startHub({
      type: 'dataset',
      name: 'nyu-mll/glue',
      revisions: Object.fromEntries(filled),
    });
    vi.stubEnv('HF_ENDPOINT', hub.url);
    vi.stubEnv('HF_HOME', await temporaryFolder());
    onTestFinished(() => void vi.unstubAllEnvs());
    return loadGlue(name, { kind: 'hub' });
  }

  test('the rows of main, only those of the task', async () => {
    const stsb = await loadFrom('stsb', {
      main: {
        'stsb/train-00000-of-00001.parquet': 'stsb',
        'stsb/validation-00000-of-00001.parquet': 'stsb',
        'stsb/test-00000-of-00001.parquet': 'stsb-score-9',
        'mnli/train-00000-of-00001.parquet': 'mnli',
      },
    });
    const all = [
      { id: '0', texts: ['One cup.', 'A cup.'], label: 4.75 },
      { id: '1', texts: ['Two.', 'Six.'], label: 0 },
    ];
    expect(stsb).toMatchObject({ form: 'hub', train: all, validation: all, mismatched: [] });
  });

  test('the converted branch; several files of a split in order; matched and mismatched', async () => {
    const mnli = await loadFrom('mnli', {
      main: {},
      'refs/convert/parquet': {
        'mnli/train/0000.parquet': 'mnli',
        'mnli/train/0001.parquet': 'mnli',
        'mnli/validation_matched/0000.parquet': 'mnli',
        'mnli/validation_mismatched/0000.parquet': 'mnli',
      },
    });
    expect(mnli.train.map(({ id, label }) => [id, label])).toEqual(
      [0, 2, 1, 0, 2, 1].map((label, i) => [String(i), label]),
    );
    expect(mnli.validation).toHaveLength(3);
    expect(mnli.mismatched[1]).toEqual({ id: '1', texts: ['Rain fell.', 'It was dry.'], label: 2 });
  });

  test.each<[GlueName, string, RegExp]>([
    ['mnli', 'mnli-label-3', /parquet, row 2: the label is 3; expected 0 to 2/],
    ['stsb', 'stsb-score-9', /parquet, row 2: the score is 9; expected a number from 0 to 5/],
    ['stsb', 'stsb-text', /parquet, row 1: label holds no number/],
    ['stsb', 'mnli', /cannot be read|can be read with the columns sentence1, sentence2, label/],
  ])('%s from %s is refused', async (name, file, message) => {
    const loading = loadFrom(name, { main: { [`${name}/train-00000-of-00001.parquet`]: file } });
    await expect(loading).rejects.toThrow(UsageError);
    await expect(loading).rejects.toThrow(message);
  });

  test('a hub without the rows', async () => {
    await expect(loadFrom('rte', { main: {}, 'refs/convert/parquet': {} })).rejects.toThrow(
      /nyu-mll\/glue holds no rows of rte's train split/,
    );
  });
});

test.skipIf(!data)('the real data (needs DELTABENCH_DATA)', async () => {
  const sizes: Partial<Record<GlueName, [number, number, number]>> = {};
  for (const name of ['cola', 'mrpc', 'rte', 'sst2', 'stsb'] as const) {
    const { train, validation } = await loadGlue(name, { kind: 'folder', path: data! });
    const sum = train.reduce((total, { label }) => total + label, 0);
    sizes[name] = [train.length, validation.length, Math.round(sum)];
    expect([...train, ...validation].every(({ texts }) => texts.every((text) => text !== ''))).toBe(true);
  }
  // Sizes of the official sets, and the number of positive training labels; for stsb the sum of training
  // scores.
  expect(sizes).toEqual({
    cola: [8551, 1043, 6023],
    mrpc: [3668, 408, 2474],
    rte: [2490, 277, 1241],
    sst2: [67_349, 872, 37_569],
    stsb: [5749, 1500, 15_528],
  });
});
