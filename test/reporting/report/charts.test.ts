// Tests of the report's charts: the Pareto front, curves, spreads, ablations, labels and PNG files.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  ablations,
  againstColumns,
  againstParameters,
  labelsOf,
  learningCurves,
  lowData,
  paretoFront,
  overTasks,
  seedSpread,
  styleOf,
  themes,
  tuning,
  type ChartContext,
} from '../../../harness/reporting/report/page/charts.js';
import type { PageRow, PageTable } from '../../../harness/reporting/report/page-data.ts';
import { projectRoot } from '../../../harness/support/project-root.ts';
import { writeResults } from '../synthetic.ts';
import { commandLine } from '../../cli/command-line.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));

function rowOf(variant: string, trained: number, values: readonly number[]): PageRow {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return {
    label: variant.toUpperCase(),
    variant,
    isStanding: false,
    trained,
    count: String(values.length),
    settings: {},
    cells: [{ mean, sd: 1, interval: null, text: mean.toFixed(1), mark: null }],
    stepTime: null,
    memory: 2,
    costs: { trainable: trained, memory: 2, ...(trained > 0 && { 'train-speed': 1e5 / trained }) },
    runs: values.map((value, seed) => ({
      path: '',
      seed,
      status: 'finished',
      error: null,
      values: [value],
      stepTime: null,
      memory: 2,
      losses: [
        [1, 4 + seed],
        [2, 2 + seed],
      ],
      evaluations: [],
      place: 0,
      more: {},
    })),
  };
}
function tableOf(task: string, rows: readonly PageRow[], higherIsBetter = true): PageTable {
  const metrics = [{ name: 'score', higherIsBetter, decimals: 1 }];
  const costs = [
    { name: 'trainable', header: 'Trainable', decimals: 0, higherIsBetter: false },
    { name: 'train-speed', header: 'Trained tokens/s', decimals: 0, higherIsBetter: true },
  ];
  return { title: `${task} · base`, task, model: 'base', metrics, costs, rows, foot: [], examples: [] };
}
const rows = [
  rowOf('red', 100, [60, 62]),
  rowOf('red~no-bias', 50, [50, 58]),
  rowOf('lora', 1000, [61, 63]),
  rowOf('none', 0, [10, 12]),
];
const table = tableOf('e2e', rows);
function contextOf(changes: Partial<ChartContext> = {}): ChartContext {
  const labels = labelsOf({ tables: [table] } as unknown as Parameters<typeof labelsOf>[0]);
  return { table, metric: 0, shown: new Set(labels), labels, theme: themes.light, ...changes };
}

describe('the Pareto front', () => {
  const point = fc.record({ x: fc.integer({ min: 0, max: 9 }), y: fc.integer({ min: 0, max: 9 }) });

  test('is all points that no other one beats', () => {
    fc.assert(
      fc.property(fc.array(point, { maxLength: 12 }), fc.boolean(), (points, higher) => {
        const good = (y: number) => (higher ? y : -y);
        const beaten = ({ x, y }: (typeof points)[number]) =>
          points.some((o) => o.x <= x && good(o.y) >= good(y) && (o.x < x || good(o.y) > good(y)));
        const front = points.flatMap((one, i) => (beaten(one) ? [] : [i]));
        expect(paretoFront(points, higher).toSorted((a, b) => a - b)).toEqual(front);
      }),
    );
  });

  test('is drawn of any two columns, from whichever side is better, and says what lacks one', () => {
    const speed = againstColumns(contextOf({ axes: { across: 'train-speed', up: 'score' } }))!;
    expect(speed.title).toBe('score against Trained tokens/s');
    expect(speed.rows).toEqual([
      ['RED', '1,000', '61.0', 'yes'],
      ['RED~NO-BIAS', '2,000', '54.0', 'yes'],
      ['LORA', '100', '62.0', 'yes'],
    ]);
    expect(speed.caption).toMatch(
      /higher is better.*by Trained tokens\/s \(higher.*without NONE, which lack/,
    );
    // Less is better across: RED~NO-BIAS trains least, NONE trains nothing.
    const counts = againstColumns(contextOf({ axes: { across: 'trainable', up: 'train-speed' } }))!;
    expect(counts.rows.map(([label, , , front]) => [label, front])).toEqual([
      ['RED', 'no'],
      ['RED~NO-BIAS', 'yes'],
      ['LORA', 'no'],
    ]);
    const quality = againstColumns(contextOf({ axes: { across: 'score', up: 'trainable' } }))!;
    expect(quality.rows.map(([label, , , front]) => [label, front])).toEqual([
      ['RED', 'yes'],
      ['RED~NO-BIAS', 'yes'],
      ['LORA', 'yes'],
      ['NONE', 'yes'],
    ]);
    expect(againstColumns(contextOf())).toBeUndefined();
    expect(againstColumns(contextOf({ axes: { across: 'nothing', up: 'score' } }))).toBeUndefined();
  });

  test('is drawn, and said in the table behind the chart; what trains nothing is a line', () => {
    const chart = againstParameters(contextOf())!;
    expect(chart.rows).toEqual([
      ['LORA', '1,000', '62.0', 'yes'],
      ['RED', '100', '61.0', 'yes'],
      ['RED~NO-BIAS', '50', '54.0', 'yes'],
      ['NONE', '–', '11.0', 'no'],
    ]);
    const front = chart.config.data.datasets.at(-1)!;
    expect(front.data.slice(0, 3)).toEqual([
      { x: 50, y: 54 },
      { x: 100, y: 61 },
      { x: 1000, y: 62 },
    ]);
  });
});

test('curves are means over seeds', () => {
  const [first] = learningCurves(contextOf())!.config.data.datasets;
  expect(first).toMatchObject({
    label: 'LORA',
    data: [
      { x: 1, y: 4.5 },
      { x: 2, y: 2.5 },
    ],
  });
});

test('the spread shows every seed, the best method first, and only what is chosen', () => {
  const chart = seedSpread(contextOf({ shown: new Set(['RED', 'LORA']) }))!;
  expect(chart.rows).toEqual([
    ['LORA', '62.0', '0: 61.0, 1: 63.0'],
    ['RED', '61.0', '0: 60.0, 1: 62.0'],
  ]);
});

test('ablations are differences seed by seed from the whole method', () => {
  expect(ablations(contextOf())!.rows).toEqual([['RED~NO-BIAS', 'RED', '−7.0 ± 4.2', '2']]);
  expect(ablations(contextOf({ shown: new Set(['LORA']) }))).toBeUndefined();
});

test('the chart of tasks wants three of them, and compares with the best of each', () => {
  const loss = tableOf('loss', [rowOf('red', 100, [2]), rowOf('lora', 1000, [4])], false);
  expect(overTasks(contextOf(), [table, loss])).toBeUndefined();
  const chart = overTasks(contextOf(), [table, loss, tableOf('cola', [rowOf('red', 100, [30])])])!;
  const shares = (name: string) =>
    chart.config.data.datasets
      .find(({ label }) => label === name)!
      .data.map((point) => point as { x: number; y: number })
      .map(({ x, y }) => `${y}: ${x.toFixed(1)}`);
  expect(shares('RED')).toEqual(['0: 98.4', '1: 100.0', '2: 100.0']);
  expect(shares('LORA')).toEqual(['0: 100.0', '1: 50.0']);
  expect(chart.rows[0]).toEqual(['RED', '61.0', '2.0', '30.0', '99.5']);
});

test('a label has one style, and 56 have styles of their own', () => {
  const labels = Array.from({ length: 56 }, (_, i) => `m${i}`);
  const styles = labels.map((label) => styleOf(label, { labels, theme: themes.dark }));
  expect(new Set(styles.slice(0, 8).map(({ color }) => color)).size).toBe(8);
  expect(new Set(styles.map(({ color, pointStyle }) => `${color} ${pointStyle}`)).size).toBe(56);
});

describe('bench report --format', () => {
  const [results, out] = [join(root, 'results'), join(root, 'out')];
  beforeAll(async () => {
    await writeResults(results, { tasks: ['e2e'], models: ['gpt2'], seeds: [1, 2, 3] });
  });
  const report = (path: string, ...args: string[]) =>
    execa('node', [...commandLine, 'report', '--results', results, '--out', out, ...args], {
      cwd: projectRoot,
      reject: false,
      env: { PATH: `${path}:${process.env.PATH ?? ''}` },
    });

  test('draws any two columns that are asked for, and refuses what no table has', async () => {
    const { exitCode, stderr } = await report('', '--format', 'svg', '--pareto', 'memory', 'BLEU');
    expect(exitCode, stderr).toBe(0);
    const svg = await readFile(join(out, 'charts', 'e2e-gpt2-columns.svg'), 'utf8');
    expect(svg).toMatch(/^<(\?xml|svg)/);
    for (const [names, message] of [
      [['memory'], /--pareto takes two columns/],
      [
        ['memry', 'BLEU'],
        /--pareto memry: no table has such a column. Did you mean "memory"\? Columns: BLEU/,
      ],
    ] as const) {
      const refused = await report('', '--format', 'svg', '--pareto', ...names);
      expect(refused.exitCode).toBe(2);
      expect(refused.stderr).toMatch(message);
    }
    await rm(out, { recursive: true });
  });

  test('draws a picture of each chart at twice its size', async () => {
    const { exitCode, stderr } = await report('', '--format', 'png');
    expect(exitCode, stderr).toBe(0);
    const names = ['ablations', 'curves', 'memory', 'parameters', 'seeds', 'time'];
    expect((await readdir(join(out, 'charts'))).sort()).toEqual(names.map((name) => `e2e-gpt2-${name}.png`));
    const png = await readFile(join(out, 'charts', 'e2e-gpt2-parameters.png'));
    expect(png.toString('latin1', 1, 4)).toBe('PNG');
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([1440, 880]);
    // An empty picture has a tenth of this size.
    expect(png.length).toBeGreaterThan(20_000);
  });

  test('draws them as vectors as well, with letters that can be searched', async () => {
    const { exitCode, stderr } = await report('', '--format', 'svg,pdf');
    expect(exitCode, stderr).toBe(0);
    const svg = await readFile(join(out, 'charts', 'e2e-gpt2-parameters.svg'), 'utf8');
    expect(svg).toMatch(/^<\?xml[^>]*\?><svg [^>]*width="720" height="440"/);
    expect(svg).toContain('Quality against trained parameters: e2e');
    const pdf = await readFile(join(out, 'charts', 'e2e-gpt2-parameters.pdf'), 'latin1');
    expect(pdf).toMatch(/^%PDF-1\.\d/);
    expect(pdf).toMatch(/\/MediaBox \[0 0 720 440\]/);
    expect(pdf).toMatch(/\/ToUnicode/);
  });

  test.skipIf(process.platform !== 'linux')('--open shows the page in a browser', async () => {
    const bin = join(root, 'bin');
    await mkdir(bin);
    const opened = join(root, 'opened');
    await writeFile(join(bin, 'xdg-open'), `#!/bin/sh\necho "$1" > ${opened}\n`, { mode: 0o755 });
    expect((await report(bin, '--format', 'html', '--open')).exitCode).toBe(0);
    await expect.poll(() => readFile(opened, 'utf8').catch(() => '')).toBe(`${join(out, 'report.html')}\n`);
    expect((await report(bin, '--format', 'md', '--open')).stderr).toContain('add html to --format');
  });
});

test('low data has a line for each method, by the number of training examples', () => {
  const rows = [rowOf('red8', 10, [60]), rowOf('red40', 10, [80]), rowOf('lora8', 100, [70])];
  const lowRows = [
    { method: 'RED', row: 1, examples: 40 },
    { method: 'RED', row: 0, examples: 8 },
    { method: 'LoRA', row: 2, examples: 8 },
  ];
  const table = { ...tableOf('e2e', rows), lowData: lowRows };
  const labels = rows.map(({ label }) => label);
  const context = { table, metric: 0, shown: new Set(labels), labels, theme: themes.light };
  const chart = lowData(context)!;
  expect(chart.columns).toEqual(['Method', '8', '40']);
  expect(chart.rows).toEqual([
    ['RED', '60.0', '80.0'],
    ['LoRA', '70.0', '–'],
  ]);
  expect(chart.config.data.datasets[0]!.data).toEqual([
    { x: 8, y: 60, sd: 1, name: 'RED' },
    { x: 40, y: 80, sd: 1, name: 'RED' },
  ]);
  expect(lowData({ ...context, table: tableOf('e2e', rows) })).toBeUndefined();
});

test('tuning shows every trial by its learning rate, and joins the best ones of each rate', () => {
  const point = (label: string, learningRate: number, value: number) => ({ label, learningRate, value });
  const points = [
    point('RED', 0.01, 70),
    point('RED', 0.001, 60),
    point('RED', 0.01, 75),
    point('LORA', 0.1, 50),
  ];
  const rows = [rowOf('red', 10, [80]), rowOf('lora', 100, [70])];
  const plain = tableOf('e2e', rows);
  const table = { ...plain, trials: { metric: 'accuracy', higherIsBetter: true, points } };
  const shown = new Set(['RED', 'LORA']);
  const context = { table, metric: 0, shown, labels: [...shown], theme: themes.light };
  const chart = tuning(context)!;
  expect(chart.rows).toEqual([
    ['RED', '3', '0.01', '75.00'],
    ['LORA', '1', '0.1', '50.00'],
  ]);
  const { datasets } = chart.config.data;
  expect(datasets.map(({ data }) => data)).toEqual([
    [
      { x: 0.01, y: 70 },
      { x: 0.001, y: 60 },
      { x: 0.01, y: 75 },
    ],
    [
      { x: 0.001, y: 60 },
      { x: 0.01, y: 75 },
    ],
    [{ x: 0.1, y: 50 }],
    [{ x: 0.1, y: 50 }],
  ]);
  const [red, , lora] = datasets;
  expect(red!.backgroundColor).not.toBe(lora!.backgroundColor);
  expect(tuning({ ...context, table: plain })).toBeUndefined();
  expect(tuning({ ...context, shown: new Set(['RED']) })!.rows).toHaveLength(1);
});
