// Tests of `bench report`: tables, Markdown, LaTeX, CSV, marks and refused records.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { recordsCsv, tableCsv } from '../../../harness/reporting/report/csv.ts';
import { escapeLatex, latexDocument, latexTable } from '../../../harness/reporting/report/latex.ts';
import { escapeMarkdown, markdownReport } from '../../../harness/reporting/report/markdown.ts';
import { parsePredictions } from '../../../harness/reporting/report/predictions.ts';
import type { Report } from '../../../harness/reporting/report/report.ts';
import { reportTables, type ReportRun, type ReportTable } from '../../../harness/reporting/report/rows.ts';
import { medianStepTime, thinLosses } from '../../../harness/reporting/report/steps.ts';
import { parseSteps, warmSteps } from '../../../harness/records/beside/step-log.ts';
import { hashJson } from '../../../harness/support/json/canonical-json.ts';
import type { RunRecord, Settings } from '../../../harness/records/record.ts';
import { benchInside } from '../../cli/inside.ts';
import { sampleRecord, settings } from '../../records/sample-record.ts';
import { writeResults } from '../synthetic.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));
const bench = benchInside(root);

const hostile = '=cmd()|<img src=x onerror=alert(1)>_%&$#{}~^\\"[x]`日本\n\\end{document}';
const made = new Date('2026-03-04T05:06:07Z');

function run(changes: Partial<RunRecord>, { seed = 1, ...own }: Partial<Settings> = {}): ReportRun {
  const all: Settings = { ...settings, ...own, seed };
  const record = sampleRecord({ identity: hashJson(all), settings: all, ...changes });
  return { folder: 'results', path: `${record.method.variant}/seed-${seed}.json`, record, stepTime: 12.34 };
}
const bleu = (value: number, name = 'BLEU'): RunRecord['metrics'] => [
  { name, split: 'test', value, higherIsBetter: true, scale: 100, decimals: 2 },
];
const reportOf = (tables: readonly ReportTable[]): Report => ({
  made,
  results: 'results',
  main: [],
  published: [],
  evaluations: [],
  judged: [],
  tables,
  untrusted: [],
});

describe('tables', () => {
  test('a row holds the seeds of the same settings, and says what differs where two have one label', () => {
    const recipe = { ...settings.recipe, learningRate: 0.5 };
    const runs = [
      run({}),
      run({}, { seed: 2 }),
      run({}, { recipe }),
      run({}, { task: { name: 'e2e', version: 1 } }),
    ];
    const tables = reportTables(runs);
    expect(tables.map(({ title }) => title)).toEqual([
      'copy · tiny, at most 10 steps',
      'e2e · tiny, at most 10 steps',
    ]);
    expect(tables[0]!.rows.map(({ row, runs }) => [row.label, runs.length])).toEqual([
      ['RED [learningRate=0.001]', 2],
      ['RED [learningRate=0.5]', 1],
    ]);
  });

  test('other data of one name are another table', () => {
    const data = { ...settings.data, hash: 'b'.repeat(64) };
    const tables = reportTables([run({}), run({}, { data })]);
    expect(tables.map(({ title }) => title)).toEqual([
      'copy · tiny, at most 10 steps [hash=aaaaaaaa]',
      'copy · tiny, at most 10 steps [hash=bbbbbbbb]',
    ]);
    expect(new Set(tables.map(({ slug }) => slug)).size).toBe(2);
  });

  test('times are medians after ten steps, losses means of steps that follow each other', () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({
      step: i + 1,
      loss: i,
      milliseconds: i < 10 ? 1e6 : i,
    }));
    const steps = parseSteps(rows);
    expect(medianStepTime(steps)).toBe(19.5);
    expect(medianStepTime(steps, 15)).toBe((14 + 25) / 2);
    expect(medianStepTime(steps.slice(0, 10))).toBeUndefined();
    expect(thinLosses(steps, 3)).toEqual([
      [6, 4.5],
      [16, 14.5],
      [26, 24.5],
    ]);
    expect(() => parseSteps([{ step: 'one' }])).toThrow();
  });

  test('the first ten steps of each shape are left out, and ten more where the run was gone on with', () => {
    // Every third step has a batch of a rarer shape too; the tenth batch of that shape is step 30.
    const steps = Array.from({ length: 60 }, (_, i) => ({
      step: i + 1,
      loss: 1,
      milliseconds: i + 1,
      shapes: (i + 1) % 3 === 0 ? ['a', 'b'] : ['a'],
    }));
    const times = (resumedFrom?: number) => warmSteps(steps, resumedFrom).map(({ step }) => step);
    expect(times().slice(0, 15)).toEqual([11, 13, 14, 16, 17, 19, 20, 22, 23, 25, 26, 28, 29, 31, 32]);
    expect(times()).toContain(33);
    expect(times(40)).toEqual(times().filter((step) => step <= 40 || (step > 50 && step % 3 !== 0)));
    expect(medianStepTime(steps)).toBe(39);
  });
});

describe('Markdown', () => {
  const failed = { status: 'failed' as const, error: { name: 'Diverged', message: hostile }, metrics: [] };
  const method = { variant: 'red', label: `RED ${hostile}` };
  const tables = reportTables([
    ...[run({ metrics: bleu(0.5), method }), run({ metrics: bleu(0.6), method }, { seed: 2 })],
    run({ ...failed, method }, { seed: 3 }),
  ]);
  const text = markdownReport({ ...reportOf(tables), untrusted: [{ path: 'a|b.json', reason: hostile }] });

  test('shows mean and sd of the finished seeds, names the failed one and what is not used', () => {
    expect(text).toContain('| 55.00 ± 7.07 | 2 of 3 | 12.3 | 1.00 |');
    expect(text).toContain('seed 3 failed: Diverged');
    expect(text).toContain('a\\|b.json: ');
    expect(text).toContain('3 runs (1 failed) of results, 2026-03-04 05:06 UTC');
  });

  test('is bold and underlined as the rows are marked', () => {
    const marked = tables.map((table) => ({
      ...table,
      rows: table.rows.map((row) => ({ ...row, row: { ...row.row, marks: { BLEU: 'best' as const } } })),
    }));
    expect(markdownReport(reportOf(marked))).toContain('**55.00 ± 7.07**');
    expect(latexTable(marked[0]!)).toContain('\\textbf{55.00 $\\pm$ 7.07}');
  });

  test('escapes everything', () => {
    expect(text).not.toMatch(/<img|\n\\end/);
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (any) => {
        expect(escapeMarkdown(any)).not.toMatch(/[\n\r<>]|(?<!\\)(\\\\)*[|`_*$]/);
      }),
    );
  });
});

describe('LaTeX', () => {
  const many = Array.from({ length: 60 }, (_, i) =>
    run(
      { metrics: bleu(i / 100), method: { variant: `v${i}`, label: `v${i} ${hostile}` } },
      { methods: [{ name: `v${i}`, options: {} }] },
    ),
  );
  const report = reportOf(
    reportTables([
      ...many,
      run({ metrics: bleu(0.5, hostile) }, { protocol: hostile, task: { name: hostile, version: 1 } }),
    ]),
  );

  test('uses booktabs, and a table that breaks where it is long', () => {
    const [first, second] = report.tables.map((table) => latexTable(table));
    expect(`${first!}${second!}`).toContain('\\begin{longtable}');
    expect(`${first!}${second!}`).toContain('\\begin{tabular}');
    expect(first).toContain('\\toprule');
    // Each table has a caption and a label; a long table has them inside its environment.
    for (const [i, text] of [first!, second!].entries()) {
      expect(text.match(/\\caption\{/g)).toHaveLength(1);
      expect(text).toContain(`\\label{tab:${report.tables[i]!.slug}}`);
    }
    expect(`${first!}${second!}`).toContain('Mean $\\pm$ sample standard deviation over n seeds');
  });

  test('escapes every sign that LaTeX reads', () => {
    expect(escapeLatex('50 % of a_b & \\x{y} ± 日')).toBe(
      '50 \\% of a\\_b \\& \\textbackslash{}x\\{y\\} $\\pm$ {[}U+65E5{]}',
    );
  });

  const hasLatex = spawnSync('pdflatex', ['--version']).status === 0;
  test.skipIf(!hasLatex)('compiles with pdflatex (Debian: texlive-latex-recommended)', async () => {
    const folder = join(root, 'latex');
    await mkdir(join(folder, 'tables'), { recursive: true });
    const signs = String.fromCodePoint(...Array.from({ length: 0x2fff }, (_, i) => i + 1)) + '𝐖𝟏ﬁ';
    const document = latexDocument({
      ...report,
      untrusted: [{ path: signs, reason: `?\`!\`--- ${hostile}` }],
    });
    await writeFile(join(folder, 'report.tex'), document);
    for (const table of report.tables)
      await writeFile(join(folder, 'tables', `${table.slug}.tex`), latexTable(table));
    const latex = spawnSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', 'report.tex'], {
      cwd: folder,
    });
    expect(latex.status, latex.stdout.toString()).toBe(0);
    expect(latex.stdout.toString()).not.toMatch(/Missing character|LaTeX Warning: (?!Label|Column|Table)/);
  });

  test.skipIf(!hasLatex)('a table of many metrics stays within its line', async () => {
    const folder = join(root, 'latex-wide');
    await mkdir(folder, { recursive: true });
    const names = Array.from({ length: 14 }, (_, i) => `a-metric-${i}`);
    const metrics = names.flatMap((name) => bleu(0.5, name));
    const [table] = reportOf(reportTables([run({ metrics })])).tables;
    const document = [
      '\\documentclass{article}\\usepackage{booktabs,longtable,graphicx}\\begin{document}',
      latexTable(table!),
      '\\end{document}',
    ];
    await writeFile(join(folder, 'wide.tex'), document.join('\n'));
    const latex = spawnSync('pdflatex', ['-interaction=nonstopmode', '-halt-on-error', 'wide.tex'], {
      cwd: folder,
    });
    expect(latex.status, latex.stdout.toString()).toBe(0);
    expect(latex.stdout.toString()).not.toContain('Overfull');
  });
});

describe('CSV', () => {
  const runs = [
    run({ metrics: [...bleu(-0.5), ...bleu(0.25, '=v1.5')], method: { variant: 'red', label: hostile } }),
    run({ metrics: [], status: 'failed', error: { name: 'Error', message: hostile } }, { seed: 2 }),
  ];
  const report = reportOf(reportTables(runs));
  const read = (text: string) => parse(text, { columns: true }) as unknown as Record<string, string>[];

  test('has a line for each metric of a run, and one for a run without', () => {
    const lines = read(recordsCsv(report));
    expect(lines.map(({ seed, metric, value, printed }) => [seed, metric, value, printed])).toEqual([
      ['1', 'BLEU', '-0.5', '-50'],
      ['1', "'=v1.5", '0.25', '25'],
      ['2', '', '', ''],
    ]);
    expect(lines[2]).toMatchObject({ status: 'failed', error: `Error: ${hostile}` });
  });

  test('no text is a formula', () => {
    const lines = read(tableCsv(report.tables[0]!));
    expect(lines[0]!.method).toMatch(/^'=cmd/);
    expect(lines[0]).toMatchObject({
      BLEU: '-50',
      'BLEU sd': '',
      "'=v1.5": '25',
      finished: '1',
      planned: '2',
    });
    expect(recordsCsv(report)).not.toMatch(/(^|,|")[=+@]/m);
  });
});

test('predictions are texts with references, or classes with labels', () => {
  const rows = [
    { id: '1', input: ['a', 'b'], references: ['x'], prediction: 'y', scores: { BLEU: 0.5 } },
    { id: '1', set: 'mm', label: 1, prediction: 0, outputs: [2, 1] },
    {
      id: '2',
      input: ['it rains'],
      label: 0,
      labelName: 'entailment',
      prediction: 1,
      predictionName: 'not_entailment',
    },
  ];
  expect(parsePredictions(rows)).toEqual([
    { id: '1', input: 'a ‖ b', references: ['x'], text: 'y', scores: { BLEU: 0.5 } },
    { id: 'mm/1', input: undefined, references: ['1'], text: '0', scores: {} },
    { id: '2', input: 'it rains', references: ['entailment'], text: 'not_entailment', scores: {} },
  ]);
  expect(() => parsePredictions([{ id: 1, prediction: {} }])).toThrow();
});

test('bench report marks the best method, those that are not worse, and seeds that answer all alike', async () => {
  const results = join(root, 'sst2');
  await mkdir(results);
  const right: Record<string, number> = { red: 180, lora: 178, bitfit: 120, none: 100 };
  for (const [name, correct] of Object.entries(right)) {
    for (const seed of [1, 2, 3]) {
      const rows = Array.from({ length: 200 }, (_, id) => {
        const label = id % 2;
        // A run with constant predictions is right for half of the examples.
        const isRight = (id * 37 + seed) % 200 < correct;
        return { id: String(id), label, prediction: name === 'none' ? 0 : isRight ? label : 1 - label };
      });
      const lines = rows.map((row) => `${JSON.stringify(row)}\n`).join('');
      const file = {
        name: `${name}-${seed}.predictions.jsonl`,
        sha256: createHash('sha256').update(lines).digest('hex'),
      };
      await writeFile(join(results, file.name), lines);
      const { record } = run(
        {
          metrics: bleu(correct / 200, 'accuracy'),
          method: { variant: name, label: name },
          files: { predictions: file },
        },
        { task: { name: 'sst2', version: 1 }, methods: [{ name, options: {} }], seed },
      );
      await writeFile(join(results, `${name}-${seed}.json`), JSON.stringify(record));
    }
  }
  const out = join(root, 'sst2-out');
  const { exitCode, stderr } = await bench('report', '--results', results, '--out', out, '--format', 'md');
  expect(exitCode, stderr).toBe(0);
  const text = await readFile(join(out, 'report.md'), 'utf8');
  expect(text).toContain('| red | 49,152 | **90.00 ± 0.00** |');
  expect(text).toContain('| lora | 49,152 | **89.00 ± 0.00** |');
  expect(text).toContain('| bitfit | 49,152 | <u>60.00 ± 0.00</u> |');
  expect(text).toContain('| none | 49,152 | 50.00 ± 0.00 |');
  expect(text).toContain('none, seed 2 collapsed');
});

describe('bench report', () => {
  const results = join(root, 'results');
  const out = join(root, 'out');
  let paths: string[] = [];
  let told = '';
  beforeAll(async () => {
    paths = await writeResults(results, { tasks: ['e2e'], models: ['gpt2'], seeds: [1, 2, 3], variants: 4 });
    const text = await readFile(paths[0]!, 'utf8');
    const beside = (name: string) => join(dirname(paths[0]!), name);
    await writeFile(beside('seed-7.json'), text.slice(0, 300));
    await writeFile(beside('seed-8.json'), JSON.stringify({ schema: 2, metrics: [] }));
    await writeFile(beside('seed-9.json'), text.replace('"value":0.6', '"value":0.9'));
    await writeFile(beside('seed-10.json'), text);
    await writeFile(paths[1]!.replace('.json', '.steps.jsonl'), '{"step":1}\n');
    const { stderr, exitCode } = await bench(
      'report',
      '--results',
      results,
      '--out',
      out,
      '--format',
      'md,csv,tex',
    );
    expect(exitCode, stderr).toBe(0);
    told = stderr;
  });

  test('reports what it cannot trust, uses none of it and leaves it', async () => {
    const markdown = await readFile(join(out, 'report.md'), 'utf8');
    for (const reason of [
      'seed-7.json is not used: it is not JSON',
      'seed-8.json is not used: its schema is 2',
      'seed-9.json is not used: its content does not fit its digest',
      'seed-10.json is of the same cell',
      'seed-2.steps.jsonl is not used: its content does not fit the hash',
    ]) {
      const [name, why] = reason.split(/ is (?:not used: )?/) as [string, string];
      expect(told).toMatch(new RegExp(`${name.split('.')[0]!}.*is not used.*${why}`));
      expect(markdown).toMatch(new RegExp(`${name.split('.')[0]!}.*${why}`));
    }
    expect(markdown).toContain('12 runs (0 failed)');
    expect(await readFile(join(dirname(paths[0]!), 'seed-7.json'), 'utf8')).toHaveLength(300);
  });

  test('writes one file of all records and one for each table', async () => {
    const lines = parse(await readFile(join(out, 'records.csv'), 'utf8'), { columns: true });
    // Three metrics of the test split, and the loss of validation.
    expect(lines).toHaveLength(12 * 4);
    expect(await readFile(join(out, 'tables', 'e2e-gpt2.csv'), 'utf8')).toMatch(
      /^method,variant,trainable,BLEU,/,
    );
  });

  test('says what can be mended', async () => {
    const format = await bench('report', '--results', results, '--format', 'md,cvs');
    expect([format.exitCode, format.stderr]).toEqual([2, expect.stringContaining('Did you mean "csv"?')]);
    const missing = await bench('report', '--results', join(root, 'nowhere'));
    expect([missing.exitCode, missing.stderr]).toEqual([2, expect.stringContaining('is not there')]);
    const twice = await bench('report', '--results', results, '--results', results);
    expect([twice.exitCode, twice.stderr]).toEqual([2, expect.stringContaining('is given twice')]);
    await mkdir(join(root, 'empty'));
    const empty = await bench('report', '--results', join(root, 'empty'));
    expect([empty.exitCode, empty.stderr]).toEqual([2, expect.stringContaining('no records')]);
  });
});
