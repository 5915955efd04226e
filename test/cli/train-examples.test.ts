// Tests of `--train-examples`: nested, seeded subsets, their rows and their chart.
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { CellRun } from '../../harness/runs/cell/cell-run.ts';
import { trainingExamples } from '../../harness/runs/cell/cell-run.ts';
import { readRecordFile, tinyModel, writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));
const bench = benchInside(root);
const results = join(root, 'results');
const data = join(root, 'data');
const common = [
  ...['--task', 'e2e', '--model', tinyModel, '--method', 'red', '--seeds', '1', '2', '--data', data],
  ...[
    '--set',
    'max-new-tokens=2',
    'batch-size=4',
    '--results',
    results,
    '--threads',
    '1',
    '--train-examples',
  ],
];

beforeAll(async () => {
  await mkdir(data);
  await writeTinyE2E(data);
});

test("a seed's fewer examples are among its more, in the data's order, and other seeds draw others", () => {
  const items = Array.from({ length: 50 }, (_, i) => i);
  const of = (seed: number, count: number | undefined, limit: number | null = null) => {
    const cell = { seed, recipe: { trainExamples: count }, limits: { examples: limit, steps: null } };
    return trainingExamples({ run: { cell } } as CellRun, items);
  };
  const [ten, twenty] = [of(1, 10), of(1, 20)];
  expect(new Set(ten).size).toBe(10);
  expect(twenty).toEqual(expect.arrayContaining([...ten]));
  expect(ten).toEqual([...ten].sort((a, b) => a - b));
  expect(of(2, 10)).not.toEqual(ten);
  expect(of(1, undefined)).toEqual(items);
  expect(Math.max(...of(1, 10, 12))).toBeLessThan(12);
});

test('each number is a variant with records of its own, and the report draws their curve', async () => {
  const { stdout, stderr, exitCode } = await bench(...common, '8', '16', 'all');
  expect(exitCode, stderr).toBe(0);
  for (const label of ['RED, trainExamples=8', 'RED, trainExamples=16', 'RED '])
    expect(stdout).toContain(label);
  const of = (variant: string) => readRecordFile(join(results, 'e2e', tinyModel, variant, 'seed-1.json'));
  expect((await of('red~trainExamples=8')).examples!.train).toEqual({ used: 8, of: 40 });
  const whole = await of('red');
  expect(whole.examples!.train).toEqual({ used: 40, of: 40 });
  expect(whole.settings.recipe).not.toHaveProperty('trainExamples');
  const out = join(root, 'out');
  const report = await bench('report', '--results', results, '--out', out, '--format', 'html');
  expect(report.exitCode, report.stderr).toBe(0);
  const page = await readFile(join(out, 'report.html'), 'utf8');
  const lowData = JSON.parse(/"lowData":(\[[^\]]*\])/.exec(page)![1]!) as {
    examples: number;
    method: string;
  }[];
  expect(lowData.map(({ method, examples }) => [method, examples]).sort()).toEqual([
    ['RED', 16],
    ['RED', 40],
    ['RED', 8],
  ]);
});

test('more than there are, and what is no number, is refused in one line before anything is trained', async () => {
  const refused = async (...counts: string[]) => {
    const { exitCode, stderr } = await bench(...common, ...counts);
    expect(exitCode).toBe(2);
    return stderr;
  };
  expect(await refused('8', '41')).toContain('41 training examples: e2e has 40; "all" takes these.');
  expect(await refused('some')).toContain('give whole numbers from 1 on, or "all"');
  expect(await refused('8', '--sweep', 'trainExamples=4')).toContain('are the same');
});
