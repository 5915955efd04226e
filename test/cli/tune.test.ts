// Tests of `tune`: equal trials chosen by validation alone, the file of recipes, killed and resumed.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { benchIn, readRecordFile, says, tinyModel, writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';
import { commandLine } from './command-line.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
beforeAll(() => writeTinyE2E(data));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);
const inside = benchInside(folder);

const common = (results: string): string[] => [
  ...['--task', 'e2e', '--model', tinyModel, '--data', data, '--limit', '8', '--threads', '1'],
  ...['--results', join(folder, results), '--set', 'max-new-tokens=2', 'batch-size=4', 'epochs=9'],
];
const space = ['--space', 'lr=log:1e-4..1e-1', 'lora.rank=2,4', '--trials', '4'];
const tune = (results: string, ...more: string[]) =>
  bench('tune', ...common(results), '--method', 'red', 'lora', ...more);

/** Every record below a results folder, by path. */
async function recordsOf(results: string): Promise<Map<string, RunRecord>> {
  const paths = await readdir(join(folder, results), { recursive: true });
  const records = paths.filter((path) => /seed-\d+\.json$/.test(path)).sort();
  return new Map(
    await Promise.all(
      records.map(async (path) => [path, await readRecordFile(join(folder, results, path))] as const),
    ),
  );
}

test('a dry run says what every method would try, and leaves nothing behind', async () => {
  const dry = await tune('dry', ...space, '--dry-run');
  expect(dry.exitCode, dry.stderr).toBe(0);
  expect(dry.stdout).toMatch(/4 trials of each method, 1 seed a trial/);
  expect(dry.stdout.match(/learningRate=/g)).toHaveLength(8);
  expect(await readdir(join(folder, 'dry')).catch(() => [])).toEqual([]);
  const json = await tune('dry', ...space, '--dry-run', '--json', '--strategy', 'halving');
  expect(JSON.parse(json.stdout)).toMatchObject([
    { method: 'red', rungs: [{ trials: 4 }, { trials: 1, share: 1 }] },
    { method: 'lora', trials: [{}, {}, {}, {}] },
  ]);
});

/** What two tunings agree on: the last losses of validation by path, and metrics. */
const numbersOf = (records: ReadonlyMap<string, RunRecord>): [string, unknown, unknown][] =>
  [...records].map(([path, { training, metrics }]) => [
    path,
    training?.evaluations.map(({ loss }) => loss),
    metrics.map(({ value }) => value),
  ]);

test('trials leave the test split out; what they chose is tested once, and a run follows its recipe', async () => {
  const tuned = await tune('random', ...space, '--seeds', '1', '--jobs', '2');
  expect(tuned.exitCode, tuned.stderr).toBe(0);
  // The runs of the test are counted by themselves, not with the trials.
  for (const [, ended, all] of tuned.stderr.matchAll(/^(\d+)\/(\d+) cells/gm))
    expect(Number(ended)).toBeLessThan(Number(all));
  const records = await recordsOf('random');
  const trials = [...records.values()].filter(({ settings }) => settings.judgedOn === 'validation');
  expect(trials).toHaveLength(8);
  for (const { metrics, files, examples } of trials) {
    expect(metrics).toEqual([]);
    expect(Object.keys(files)).toEqual(['steps']);
    expect(examples?.test.used).toBe(0);
  }
  // The best trial by its own best validation loss is the recipe.
  const file = join(folder, 'random', 'tuned.json');
  const { recipes } = JSON.parse(await readFile(file, 'utf8')) as {
    recipes: { variant: string; settings: { learningRate: number }; tuned: { value: number } }[];
  };
  for (const { variant, settings, tuned: chosen } of recipes) {
    const own = trials.filter(({ settings: { methods } }) => methods[0]!.name === variant);
    const losses = own.map((record) => Math.min(...record.training!.evaluations.map(({ loss }) => loss!)));
    expect(chosen.value).toBe(Math.min(...losses));
    const best = own[losses.indexOf(Math.min(...losses))]!;
    expect(settings.learningRate).toBe(best.settings.recipe.learningRate);
  }
  const tested = [...records.values()].filter(({ settings }) => settings.judgedOn === undefined);
  expect(tested.map(({ settings }) => settings.methods[0]!.name).sort()).toEqual(['lora', 'red']);
  for (const { published } of tested) expect(published?.recipes[0]).toMatch(/^tuned\.json [0-9a-f]{8}$/);
  expect(tuned.stdout).toMatch(/e2e · \S+, tuned on validation[^]*4 trials, 36 epochs[^]*place/);
  expect(tuned.stderr).toMatch(/run --recipe \S+tuned.json takes them/);

  const run = await bench(...common('random'), '--method', 'red', 'lora', '--recipe', file, '--seeds', '1');
  expect(run.exitCode, run.stderr).toBe(0);
  expect(run.stderr).not.toMatch(/trainable params/);
  expect(tuned.stdout.endsWith(run.stdout), `${tuned.stdout}\n${run.stdout}`).toBe(true);
  const other = await bench(...common('random'), '--method', 'bitfit', '--recipe', file);
  expect(other.exitCode).toBe(2);
  expect(other.stderr).toMatch(/has no recipe of bitfit for e2e on random-gpt2\S+; it has: red for e2e on/);

  const report = await bench('report', '--results', join(folder, 'random'), '--out', join(folder, 'report'));
  expect(report.exitCode, report.stderr).toBe(0);
  expect(report.stderr).toBe('');
  expect(await readFile(join(folder, 'report', 'report.md'), 'utf8')).not.toMatch(/learningRate=/);
  expect(await readFile(join(folder, 'report', 'report.html'), 'utf8')).toMatch(/"trials":\{"metric":"loss"/);
  expect(await readdir(join(folder, 'report', 'charts'))).toEqual(
    expect.arrayContaining([expect.stringMatching(/-tuning\.png$/)]),
  );
});

test('halving, killed twice, ends with the trials and winners of an undisturbed one', async () => {
  const args = [...space, '--strategy', 'halving', '--seeds', '1'];
  const whole = await tune('whole', ...args);
  expect(whole.exitCode, whole.stderr).toBe(0);
  const expected = await recordsOf('whole');
  // Four trials for a third of the budget, then the best one for all of it, of each method; then the tests.
  expect([...expected.keys()].filter((path) => path.includes('epochs=3'))).toHaveLength(8);
  expect(expected.size).toBe(8 + 2 + 2);
  const command = [...commandLine, 'tune', ...common('killed'), '--method', 'red', 'lora', ...args];
  for (const wanted of [2, 9]) {
    const running = execa('node', command, {
      cwd: projectRoot,
      reject: false,
      env: { DELTABENCH_DATA: undefined, DELTABENCH_CACHE: join(folder, 'cache') },
    });
    await says(running, new RegExp(`\\[${wanted > 8 ? 1 : wanted + 1}/${wanted > 8 ? 2 : '\\d+'}\\]`));
    running.kill('SIGKILL');
    await running;
  }
  const resumed = await tune('killed', ...args);
  expect(resumed.exitCode, resumed.stderr).toBe(0);
  expect(numbersOf(await recordsOf('killed'))).toEqual(numbersOf(expected));
  expect(resumed.stdout).toBe(whole.stdout);
});

test.each([
  [['--space', 'rank=2,4', '--trials', '2'], /--space has nothing that red has/],
  [['--space', 'lr=0.1,0.2', '--trials', '3'], /2 trials for red, 2 trials for lora, --trials asks for 3/],
  [
    ['--space', 'lr=0.1,0.2', 'lora.rank=2,4', '--strategy', 'grid'],
    /2 trials for red, 4 trials for lora: methods/,
  ],
  [
    ['--space', 'lr=0.1,0.2', '--trials', '2', '--strategy', 'best'],
    /Allowed choices are random, grid, halving/,
  ],
  [['--trials', '2'], /Say what to try with --space/],
  [['--space', 'lr=0.1,0.2'], /--strategy random needs --trials/],
  [['--space', 'epochs=3,6,9', '--trials', '3'], /epochs is in --space and in --set|epochs=9/],
])('%j is refused before anything runs', async (args, message) => {
  const { exitCode, stderr } = await inside('tune', ...common('refused'), '--method', 'red', 'lora', ...args);
  expect(exitCode).toBe(2);
  expect(stderr).toMatch(message);
  expect(stderr).toMatch(/^error: [^\n]*$/);
});

test('unequal numbers of trials are for those who ask for them', async () => {
  const grid = ['--space', 'lr=0.01,0.1', 'lora.rank=2,4', '--strategy', 'grid', '--unequal', '--json'];
  const { stdout, exitCode, stderr } = await tune('grid', ...grid);
  expect(exitCode, stderr).toBe(0);
  const { tuned } = JSON.parse(stdout) as { tuned: { method: string; trials: number; budget: string }[] };
  expect(tuned.map(({ method, trials, budget }) => [method, trials, budget])).toEqual([
    ['red', 2, '2 trials, 18 epochs'],
    ['lora', 4, '4 trials, 36 epochs'],
  ]);
});
