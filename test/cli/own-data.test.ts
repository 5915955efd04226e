// Tests of `--task text` and `--task classify` from a file to records, tables, a report and an adapter.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecordFile } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchInside(folder);
const results = join(folder, 'results');
const csv = join(folder, 'tea.csv');

const rows = (first: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `"Cup, no ${first + i}",${(first + i) % 2 ? 'warm' : 'cold'}`);
const quick = ['--max-steps', '2', '--threads', '1', '--results', results, '--recipe', 'none'];
const classify = ['--task', 'classify', '--text', 'says', '--label', 'is', ...quick];

beforeAll(async () => {
  await writeFile(csv, `says,is\n${rows(0, 40).join('\n')}\n`);
});

test('a file of classes becomes a table, again from its records, and a report with names of classes', async () => {
  const args = [...classify, '--data', csv, '--method', 'red', 'bitfit', '--jobs', '2'];
  const first = await bench(...args);
  expect(first.stderr).toMatch(/tea.csv: 40 rows, 40 used; train 32, validation 4, test 4/);
  expect(first.stderr.indexOf('40 rows')).toBeLessThan(first.stderr.indexOf('trainable params'));
  expect(first.exitCode, first.stderr).toBe(0);
  expect(first.stdout).toMatch(/^classify-tea · roberta-mini/);
  const path = join(results, 'classify-tea', 'roberta-mini', 'red', 'seed-42.json');
  const record = await readRecordFile(path);
  expect(record.classes).toEqual(['cold', 'warm']);
  expect(record.settings.data).toMatchObject({ name: 'tea', form: 'csv' });
  expect(record.metrics.map(({ name }) => name)).toEqual(['accuracy', 'F1']);
  const again = await bench(...args);
  expect(again.stdout).toBe(first.stdout);
  expect(again.stderr).not.toMatch(/trainable params/);
  const report = await bench(
    'report',
    '--results',
    results,
    '--out',
    join(folder, 'report'),
    '--format',
    'md,html',
  );
  expect(report.exitCode, report.stderr).toBe(0);
  expect(await readFile(join(folder, 'report', 'report.html'), 'utf8')).toMatch(/"(cold|warm)"/);
  const merged = await bench('merge', path, '--out', join(folder, 'merged'));
  expect(merged.exitCode, merged.stderr).toBe(0);
  expect(await readFile(join(folder, 'merged', 'config.json'), 'utf8')).toMatch(/"0": "cold"/);
});

test('another data set of the same name has records of its own', async () => {
  const other = join(folder, 'other');
  await mkdir(other);
  await writeFile(join(other, 'tea.csv'), `says,is\n${rows(100, 40).join('\n')}\n`);
  const plan = [...classify, '--data', join(other, 'tea.csv'), '--method', 'red'];
  expect((await bench(...plan, '--dry-run')).stdout).toMatch(/^missing/m);
  const run = await bench(...plan);
  expect(run.exitCode, run.stderr).toBe(0);
  const names = await readdir(join(results, 'classify-tea', 'roberta-mini', 'red'));
  expect(names.filter((name) => name.endsWith('.json'))).toHaveLength(2);
  expect((await bench(...plan, '--dry-run')).stdout).toMatch(/^finished/m);
});

test('a file of texts, its columns in a file beside it, is written by a model', async () => {
  const lines = Array.from({ length: 30 }, (_, i) => JSON.stringify({ q: `cup ${i}`, a: `tea ${i}` }));
  await writeFile(join(folder, 'cups.jsonl'), lines.join('\n'));
  await writeFile(join(folder, 'cups.deltabench.json'), '{"input": "q", "target": "a"}');
  const args = ['--task', 'text', '--data', join(folder, 'cups.jsonl'), '--method', 'red', ...quick];
  const run = await bench(...args, '--set', 'maxNewTokens=4');
  expect(run.exitCode, run.stderr).toBe(0);
  expect(run.stdout).toMatch(/^text-cups · gpt2-mini[^]*BLEU/);
});

test.each([
  [['--task', 'classify', '--data', csv, '--method', 'red'], /needs --text, the column of the sentence/],
  [
    ['--task', 'classify', '--data', csv, '--method', 'red', '--input', 'says'],
    /--input is an option of --task text; leave it out/,
  ],
  [
    ['--task', 'e2e', '--method', 'red', '--split', '80/10/10'],
    /--split is an option of --task text and --task classify/,
  ],
  [['--task', 'classify', 'sst2', '--data', csv, '--method', 'red'], /stands alone; leave out sst2/],
  [
    ['--task', 'text', '--method', 'red', '--input', 'a', '--target', 'b'],
    /give a file, or a folder of files, with --data/,
  ],
  [
    ['--task', 'classify', '--data', csv, '--method', 'red', '--text', 'sais', '--label', 'is'],
    /Did you mean "says"\?/,
  ],
])('%j is refused in one line', async (args, message) => {
  const { exitCode, stderr } = await bench(...args);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^error: [^\n]*$/);
});
