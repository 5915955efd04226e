// Tests of `bench table`: the main-result table in every format, several results folders, and wrong input.
import { cp, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writeResults } from '../reporting/synthetic.ts';
import { benchInside } from './inside.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));
const bench = benchInside(root);
const results = join(root, 'results');
const other = join(root, 'other');

beforeAll(async () => {
  const base = { models: ['roberta-mini', '/somewhere/minilm'], seeds: [1, 2, 3], variants: 3 };
  await writeResults(results, { ...base, tasks: ['cola', 'rte', 'sst2'] });
  await cp(join(results, 'sst2'), join(other, 'sst2'), { recursive: true });
  // One base lacks a task for one method.
  await rm(join(results, 'rte', 'roberta-mini', 'lora'), { recursive: true });
});

/** The numbers of a main table that `--json` prints. */
async function jsonOf(...args: string[]) {
  const { stdout, stderr, exitCode } = await bench('table', '--results', results, ...args, '--json');
  expect(exitCode, stderr).toBe(0);
  return (JSON.parse(stdout) as { tables: Table[] }).tables;
}
interface Table {
  readonly title: string;
  readonly header: string[];
  readonly body: { readonly text: string; readonly value?: number }[][];
  readonly means: string[];
}

test('methods by tasks, a table for each base, with averages over complete rows, ranks and wins', async () => {
  const tables = await jsonOf('--avg', '--rank');
  expect(tables.map(({ title }) => title)).toEqual([
    'Methods by tasks · /somewhere/minilm',
    'Methods by tasks · roberta-mini',
  ]);
  const [whole, lacking] = tables as [Table, Table];
  expect(whole.header).toEqual([
    'Method',
    'Trainable',
    'cola BLEU\u00a0↑',
    'rte BLEU\u00a0↑',
    'sst2 BLEU\u00a0↑',
    'Average',
    'Mean rank',
    'Wins',
    'n',
  ]);
  for (const row of whole.body) {
    const [cola, rte, sst2, average] = row.slice(2, 6).map(({ value }) => value!);
    expect(average).toBeCloseTo((cola! + rte! + sst2!) / 3, 12);
    expect(row[5]!.text).toMatch(/^\d\d\.\d\d ± \d\.\d\d$/);
  }
  const at = (table: Table, label: string) => table.body.find(([name]) => name!.text === label)!;
  expect(at(lacking, 'LoRA').map(({ text }) => text)).toEqual([
    'LoRA',
    '786,432',
    expect.stringMatching(/^\d/),
    '–',
    expect.stringMatching(/^\d/),
    '–',
    '–',
    expect.stringMatching(/^\d$/),
    '3',
  ]);
  // Ranks are among the other two.
  expect(at(lacking, 'FT')[6]!.value! + at(lacking, 'Adapter')[6]!.value!).toBe(3);
  expect(lacking.means.join(' ')).toContain('a row that lacks a task has none');
});

test('axes are exchanged: tasks by methods, methods by bases', async () => {
  const [turned] = await jsonOf('--rows', 'tasks', '--columns', 'methods', '--avg');
  expect(turned!.header).toEqual(['Task', 'LoRA', 'Adapter', 'FT']);
  expect(turned!.body.map(([name]) => name!.text)).toEqual([
    'Trainable',
    'cola BLEU\u00a0↑',
    'rte BLEU\u00a0↑',
    'sst2 BLEU\u00a0↑',
    'Average',
    'n',
  ]);
  const byBase = await jsonOf('--columns', 'models', '--model', 'minilm=/somewhere/minilm');
  expect(byBase.map(({ title }) => title)).toEqual([
    'Methods by bases · cola',
    'Methods by bases · rte',
    'Methods by bases · sst2',
  ]);
  expect(byBase[0]!.header).toEqual([
    'Method',
    'Trainable',
    'minilm BLEU\u00a0↑',
    'roberta-mini BLEU\u00a0↑',
    'n',
  ]);
});

test('what is shown is chosen, a group of tasks by its name and in the order of the tasks that are named', async () => {
  const [table] = await jsonOf(
    '--task',
    'sst2',
    'cola',
    '--method',
    'lora',
    'full',
    '--model',
    'roberta-mini',
  );
  expect(table!.header.slice(2, 4)).toEqual(['sst2 BLEU\u00a0↑', 'cola BLEU\u00a0↑']);
  expect(table!.body.map(([name]) => name!.text)).toEqual(['LoRA', 'FT']);
  const [group] = await jsonOf('--task', 'glue', '--model', 'roberta-mini');
  expect(group!.header).toHaveLength(6);
});

test('the formats are text within the width, Markdown, LaTeX with caption and label, and CSV', async () => {
  const of = async (format: string) =>
    (await bench('table', '--results', results, '--model', 'roberta-mini', '--avg', '--format', format))
      .stdout;
  const text = await of('text');
  expect(text).toMatch(/^Methods by tasks · roberta-mini\n/);
  expect(Math.max(...text.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
  expect(await of('md')).toMatch(
    /^## Methods by tasks · roberta-mini\n\n\| Method \| Trainable \| cola BLEU/,
  );
  const latex = await of('tex');
  expect(latex).toContain('\\label{tab:main-roberta-mini}');
  expect(latex).toMatch(/\\caption\{Methods by tasks.*Average over all tasks, each with the same weight/);
  const rows: Record<string, string>[] = parse(await of('csv'), { columns: true });
  expect(rows.map(({ Method }) => Method)).toEqual(['LoRA', 'Adapter', 'FT']);
});

test('a folder without records among several is named', async () => {
  const empty = join(root, 'empty');
  await mkdir(empty, { recursive: true });
  const { exitCode, stderr } = await bench('table', '--results', results, empty);
  expect(exitCode).toBe(0);
  expect(stderr).toContain(`${empty} holds no records.`);
});

test('rows of several results folders have their names, and scores of validation are behind --split', async () => {
  const names = ['--results', results, other, '--names', 'before', 'after', '--task', 'sst2'];
  const { stdout, stderr, exitCode } = await bench('table', ...names, '--model', 'roberta-mini', '--json');
  expect(exitCode, stderr).toBe(0);
  const { tables } = JSON.parse(stdout) as { tables: Table[] };
  expect(tables[0]!.body.map(([name]) => name!.text)).toEqual([
    'LoRA, after',
    'LoRA, before',
    'Adapter, after',
    'Adapter, before',
    'FT, after',
    'FT, before',
  ]);
  const [validation] = await jsonOf('--split', 'validation', '--model', 'roberta-mini');
  expect(validation!.title).toBe('Methods by tasks · roberta-mini, validation');
  expect(validation!.header[2]).toBe('cola loss\u00a0↓');
  // What writeResults gives every run of FT at its last step.
  expect(validation!.body.at(-1)![2]!.value).toBeCloseTo(1 + 3 * Math.exp(-5), 12);
});

test('the report begins with the same table', async () => {
  const out = join(root, 'out');
  const { exitCode, stderr } = await bench(
    'report',
    '--results',
    results,
    '--out',
    out,
    '--format',
    'md,tex,csv',
  );
  expect(exitCode, stderr).toBe(0);
  const [first] = (await readFile(join(out, 'report.md'), 'utf8'))
    .split('\n')
    .filter((line) => line.startsWith('## '));
  expect(first).toBe('## Methods by tasks · /somewhere/minilm');
  expect(await readFile(join(out, 'report.tex'), 'utf8')).toContain('\\input{tables/main-roberta-mini.tex}');
  expect(await readFile(join(out, 'tables', 'main-roberta-mini.tex'), 'utf8')).toContain('Mean rank');
  expect(await readFile(join(out, 'tables', 'main-roberta-mini.csv'), 'utf8')).toMatch(/^Method,Trainable,/);
});

test('wrong input gets one line that says what can be done', async () => {
  const wrong = async (...args: string[]) => {
    const { exitCode, stderr, stdout } = await bench('table', '--results', results, ...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr.split('\n')).toHaveLength(1);
    return stderr;
  };
  expect(await wrong('--rows', 'tasks')).toContain('--rows and --columns are both tasks');
  expect(await wrong('--columns', 'models', '--avg')).toContain('--avg is over tasks');
  expect(await wrong('--rows', 'seeds')).toContain('methods, tasks, models');
  expect(await wrong('--task', 'gleu')).toContain('Did you mean "glue"?');
  expect(await wrong('--method', 'lroa')).toContain('Did you mean "lora"?');
  expect(await wrong('--model', 'mini=/nowhere')).toContain('no record has that base');
  expect(await wrong('--names', 'a', 'b')).toContain('2 names for 1 results folders');
  expect(await wrong('--results', results)).toContain('is given twice');
});
