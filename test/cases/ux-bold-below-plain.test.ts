// Regression test: a row of 50.0 ± 3.1 was bold above a plain one of 54.9 ± 1.5, since each comparison with
// the best row uses the pair's own spread. Expected (harness/reporting/tables/marks.ts): marks never skip a
// better mean, in every form of the table, and rows with collapsed or failed seeds are not bold.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, expect, test } from 'vitest';
import type { PageData } from '../../harness/reporting/report/page-data.ts';
import { benchInside } from '../cli/inside.ts';
import { writeLabelled, type MadeMethod } from './labelled-results.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));

/** Reads means and marks of a report's only table in each of its forms, rows sorted from the best mean. */
async function report(name: string, methods: readonly MadeMethod[]) {
  const [results, out] = [join(root, name), join(root, `${name}-out`)];
  await writeLabelled(results, methods);
  const { exitCode, stderr } = await benchInside(root)(
    'report',
    '--results',
    results,
    '--out',
    out,
    '--format',
    'md,tex,csv,html',
  );
  expect(exitCode, stderr).toBe(0);
  const read = (file: string) => readFile(join(out, file), 'utf8');
  const table = 'tables/sst2-roberta-mini';
  const rows = parse(await read(`${table}.csv`), { columns: true }) as unknown as Record<string, string>[];
  const csv = rows.map((row) => ({
    method: row.method!,
    mean: Number(row.accuracy),
    mark: row['accuracy mark'] ?? '',
  }));
  csv.sort((a, b) => b.mean - a.mean);
  const [markdown, latex, html] = [
    await read('report.md'),
    await read(`${table}.tex`),
    await read('report.html'),
  ];
  const page = JSON.parse(
    /<script id="data" type="application\/json">(.*?)<\/script>/s.exec(html)![1]!,
  ) as PageData;
  const line = (text: string, method: string) =>
    text.split('\n').find((one) => new RegExp(`^\\|? ?${method} [|&]`).test(one))!;
  const marks = csv.map(({ method }) => {
    const inMarkdown = line(markdown, method);
    const inLatex = line(latex, method);
    return [
      inMarkdown.includes('**') ? 'best' : inMarkdown.includes('<u>') ? 'next' : '',
      inLatex.includes('textbf') ? 'best' : inLatex.includes('underline') ? 'next' : '',
      page.tables[0]!.rows.find(({ label }) => label === method)!.cells[0]!.mark ?? '',
    ];
  });
  for (const [i, { mark }] of csv.entries()) expect(marks[i], csv[i]!.method).toEqual([mark, mark, mark]);
  return { rows: csv.map(({ method, mark }) => [method, mark]), markdown };
}

test('a row that is worse by its small spread ends the marks, though lower ones are no worse', async () => {
  const { rows, markdown } = await report('spread', [
    { name: 'wide', right: [0.45, 0.5, 0.95] },
    { name: 'narrow', right: [0.74, 0.745, 0.75] },
    { name: 'close', right: [0.94, 0.93, 0.93] },
    { name: 'top', right: [0.94, 0.935, 0.945] },
  ]);
  expect(rows).toEqual([
    ['top', 'best'],
    ['close', 'best'],
    ['narrow', 'next'],
    ['wide', ''],
  ]);
  expect(markdown).toContain(
    'Bold: the best mean and those after it, down to the first that is significantly worse',
  );
});

test('a collapsed seed bars its row from bold, and the rows below it', async () => {
  const { rows, markdown } = await report('collapsed', [
    { name: 'low', right: [0.7, 0.9, 0.65] },
    { name: 'one', right: [0.95, 0.95, 'alike'] },
    { name: 'top', right: [0.94, 0.935, 0.945] },
  ]);
  expect(rows).toEqual([
    ['top', 'best'],
    ['one', ''],
    ['low', ''],
  ]);
  expect(markdown).toContain('one, seed 3 collapsed');
});

test('the best row with a collapsed seed leaves its column without marks', async () => {
  const { rows, markdown } = await report('collapsed-best', [
    { name: 'low', right: [0.3, 0.35, 0.3] },
    { name: 'top', right: [0.95, 0.95, 'alike'] },
  ]);
  expect(rows).toEqual([
    ['top', ''],
    ['low', ''],
  ]);
  expect(markdown).toContain(
    'Nothing is marked as best of accuracy: a seed of the best row, top, collapsed.',
  );
});

test('where a seed failed nothing is marked, and the table says whose', async () => {
  const { rows, markdown } = await report('failed', [
    { name: 'low', right: [0.3, 0.35, 0.3] },
    { name: 'top', right: [0.95, 0.95, 'failed'] },
  ]);
  expect(rows.map(([, mark]) => mark)).toEqual(['', '']);
  expect(markdown).toContain('Nothing is marked as best, because seeds failed: top.');
});
