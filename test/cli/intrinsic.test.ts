// Tests of `intrinsic`: d90 from a file to records, its resuming, its dry run and what it refuses.
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { intrinsicText } from '../../harness/cli/terminal/tuning/intrinsic-text.ts';
import type { IntrinsicDimension, Measured } from '../../harness/runs/tune/intrinsic-dimension.ts';
import { readRecordFile } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchInside(folder);
const [csv, results] = [join(folder, 'tea.csv'), join(folder, 'results')];
beforeAll(async () => {
  const rows = Array.from({ length: 40 }, (_, i) => `"Cup, no ${i}",${i % 2 ? 'warm' : 'cold'}`);
  await writeFile(csv, `says,is\n${rows.join('\n')}\n`);
});
const classify = ['intrinsic', '--task', 'classify', '--data', csv, '--text', 'says', '--label', 'is'];
const quick = ['--max-steps', '2', '--threads', '1', '--results', results];

const records = async (): Promise<string[]> =>
  (await readdir(results, { recursive: true })).filter((path) => /seed-\d+\.json$/.test(path)).sort();

test('trains what is missing of FT, the frozen base and every dimension, and says d90 of validation', async () => {
  const dry = await bench(...classify, ...quick, '--dimensions', '80,120', '--dry-run');
  expect(dry.exitCode, dry.stderr).toBe(0);
  expect(dry.stdout).toMatch(/full[^]*none[^]*intrinsic~dimension=80[^]*intrinsic~dimension=120/);
  await expect(readdir(results)).rejects.toThrow(/ENOENT/);

  const first = await bench(...classify, ...quick, '--dimensions', '120,80', '--json');
  expect(first.exitCode, first.stderr).toBe(0);
  const paths = await records();
  expect(paths).toHaveLength(4);
  const stored = await Promise.all(paths.map((path) => readRecordFile(join(results, path))));
  for (const { settings, metrics, training } of stored) {
    expect(settings.judgedOn).toBe('validation');
    expect(metrics).toEqual([]);
    expect(training!.steps).toBe(2);
  }
  const counts = stored.flatMap(({ settings: { methods }, parameters }) =>
    methods[0]!.name === 'intrinsic' ? [parameters.trained] : [],
  );
  expect(counts.sort((a, b) => a - b)).toEqual([80, 120]);
  const [found] = JSON.parse(first.stdout) as IntrinsicDimension[];
  const best = (name: string): number => {
    const { training } = stored.find(({ settings }) => settings.methods[0]!.name === name)!;
    return 100 * Math.max(...training!.evaluations.map(({ metrics }) => metrics!.accuracy!));
  };
  expect(found).toMatchObject({ metric: 'accuracy', full: { value: best('full') }, none: { dimension: 0 } });
  expect(found!.threshold).toBeCloseTo(0.9 * best('full'), 10);
  const [{ measured, d90 } = { measured: [] as Measured[], d90: 0 }] = found!.variants;
  expect(measured.map(({ dimension }) => dimension)).toEqual([80, 120]);
  expect(d90).toBe(measured.find(({ value }) => value! >= found!.threshold!)?.dimension);

  const again = await bench(...classify, ...quick, '--dimensions', '80,100,120');
  expect(again.exitCode, again.stderr).toBe(0);
  expect(again.stderr.match(/trainable params/g)).toHaveLength(1);
  expect(await records()).toHaveLength(5);
  expect(again.stdout).toMatch(/^classify-tea · roberta-mini, intrinsic dimension on validation[^]*FT +all/);
});

test.each([
  [['--dimensions', '20'], /a dimension of 20 leaves nothing beside the \d+ scales/],
  [['--dimensions', 'log:20..200'], /write whole numbers, as 200,500,1000 or log:200\.\.20000\/5 for five/],
  [['--dimensions', '100,0.5'], /--dimensions 100,0.5: write whole numbers/],
  [['--dimensions', '100,,200'], /--dimensions 100,,200 has an empty value/],
  [['--method', 'lora'], /--method lora: give intrinsic or a variant of it/],
  [['--method', 'intrinsic~dimension=5'], /give intrinsic or a variant of it/],
  [['--space', 'intrinsic.rank=2'], /there is no setting "rank"/],
])('%j is refused before anything runs', async (args, message) => {
  const { exitCode, stderr } = await bench(...classify, ...quick, ...args);
  expect(stderr).toMatch(message);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(/^error: [^\n]*$/);
});

test('a task that is validated by its loss is refused', async () => {
  const { exitCode, stderr } = await bench('intrinsic', '--task', 'e2e', ...quick);
  expect(stderr).toMatch(/--task e2e is validated by its loss, of which 90 % means nothing/);
  expect(exitCode).toBe(2);
});

const at = (method: string, dimension: number | undefined, value: number | undefined): Measured => ({
  method,
  dimension,
  value,
  settings: [],
});
const found = (full: number | undefined, none: number, values: readonly number[]): IntrinsicDimension => {
  const threshold = full === undefined || full <= 0 ? undefined : 0.9 * full;
  const measured = values.map((value, i) => at(`intrinsic~dimension=${10 ** (i + 2)}`, 10 ** (i + 2), value));
  const d90 = measured.find(({ value }) => value! >= (threshold ?? Infinity))?.dimension;
  return {
    task: 'sst2',
    model: 'roberta-mini',
    metric: 'accuracy',
    threshold,
    full: at('full', undefined, full),
    none: at('none', 0, none),
    variants: [{ method: 'intrinsic', measured, d90 }],
  };
};

test.each([
  [
    'at the lower end',
    found(80, 50, [73, 75]),
    /d90 of intrinsic is at most 100, the smallest tried .* 72\.00/,
  ],
  ['inside', found(80, 50, [60, 75]), /d90 of intrinsic is 1,000, the smallest .* 90 % of FT's 80\.00\.$/],
  ['above all', found(80, 50, [60, 65]), /d90 of intrinsic is above 1,000: none tried reaches 72\.00/],
  ['not monotone', found(80, 50, [60, 75, 70]), /is 1,000.* Not every larger one does \(10,000\)/],
  ['of a weak task', found(80, 74, [73, 75]), /The frozen base reaches 72\.00, .*too: d90 says little/],
  ['of a failed FT', found(undefined, 50, [60]), /d90 is unknown, since full fine-tuning failed/],
  ['of a score at 0', found(0, 50, [60]), /d90 is not defined: FT's accuracy, 0\.000, is not above 0/],
])('says d90 %s', (_, one, message) => {
  expect(intrinsicText(one, 80)).toMatch(message);
});
