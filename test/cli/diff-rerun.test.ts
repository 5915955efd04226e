// Tests of `bench diff` and `bench rerun` on real runs of a tiny base.
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import type { RunDiff } from '../../harness/reporting/diff/diff-runs.ts';
import { sampleRecord, settings } from '../records/sample-record.ts';
import { readRecordFile, tinyModel, writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));
const bench = benchInside(root);
const results = join(root, 'results');
const data = join(root, 'data');
const folder = join(results, 'e2e', tinyModel);
const red = join(folder, 'red~learningRate=0.01', 'seed-1.json');
const lora = join(folder, 'lora~learningRate=0.01', 'seed-1.json');

beforeAll(async () => {
  await mkdir(data);
  await writeTinyE2E(data);
  const { exitCode, stderr } = await bench(
    ...['--task', 'e2e', '--model', tinyModel, '--method', 'red', 'lora', '--seeds', '1', '--data', data],
    ...['--sweep', 'learning-rate=0.01', '--set', 'max-new-tokens=4', 'batch-size=4', '--limit', '8'],
    ...['--results', results, '--threads', '1'],
  );
  expect(exitCode, stderr).toBe(0);
});

test('diff shows what differs in settings and numbers, and the examples that are answered differently', async () => {
  const { stdout, exitCode } = await bench('diff', red, lora, '--json');
  expect(exitCode).toBe(0);
  const found = JSON.parse(stdout) as RunDiff;
  const names = found.settings.map(({ name }) => name);
  expect(names).toContain('methods.0.name');
  expect(names).not.toContain('recipe.learningRate');
  const number = (name: string) => found.numbers.find((one) => one.name === name)!;
  const [a, b] = [await readRecordFile(red), await readRecordFile(lora)];
  expect(number('Trainable').values).toEqual(
    [a, b].map(({ parameters }) => parameters.trained.toLocaleString('en')),
  );
  expect(number('validation loss').difference).toMatch(/^[+−]?\d\.\d{4}$/);
  const text = await bench('diff', red, lora, '--examples', '1');
  expect(text.stdout).toContain(`methods.0.name: red → lora`);
  expect(text.stdout).toMatch(/\d+ of \d+ are answered differently/);
  expect(Math.max(...text.stdout.split('\n').map(({ length }) => length))).toBeLessThanOrEqual(80);
});

test('examples that one run alone has right stand first', async () => {
  const { diffRuns } = await import('../../harness/reporting/diff/diff-runs.ts');
  const side = (answers: string[]) => ({
    record: sampleRecord(),
    predictions: answers.map((text, id) => ({
      id: String(id),
      input: undefined,
      references: ['yes'],
      text,
      scores: {},
    })),
  });
  const { examples, shared, settings } = diffRuns(
    side(['no', 'maybe', 'yes', 'yes']),
    side(['no', 'no', 'yes', 'no']),
  );
  expect(shared).toBe(4);
  expect(examples!.map(({ id, isRight }) => [id, ...isRight])).toEqual([
    ['3', true, false],
    ['1', false, false],
  ]);
  expect(settings).toEqual([]);
});

test('rerun does one cell again with the settings of its record, and leaves its neighbours alone', async () => {
  const [before, neighbour] = [await readRecordFile(red), await readFile(lora, 'utf8')];
  const { stdout, stderr, exitCode } = await bench('rerun', red, '--data', data);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toContain('All settings are the same.');
  const after = await readRecordFile(red);
  expect(after).toMatchObject({
    identity: before.identity,
    settings: before.settings,
    metrics: before.metrics,
    attempt: before.attempt + 1,
    method: before.method,
    files: { predictions: before.files.predictions, tensors: before.files.tensors },
  });
  expect(Date.parse(after.started)).toBeGreaterThan(Date.parse(before.ended) - 1);
  expect(await readFile(lora, 'utf8')).toBe(neighbour);
});

test('rerun refuses what would be another run, in one line, and writes nothing', async () => {
  const kept = await readFile(red, 'utf8');
  const refused = async (path: string, ...args: string[]) => {
    const { exitCode, stderr } = await bench('rerun', path, ...args);
    expect([exitCode, stderr.split('\n').length]).toEqual([2, 1]);
    return stderr;
  };
  const other = join(root, 'other');
  await cp(data, other, { recursive: true });
  await writeFile(join(other, 'test.txt'), 'name : Inn 9 | food : tea||Inn 9 has tea .');
  expect(await refused(red, '--data', other)).toContain('its data are other ones now');
  const moved = join(root, 'elsewhere', 'a', 'b', 'c', 'seed-1.json');
  await mkdir(dirname(moved), { recursive: true });
  await cp(red, moved);
  expect(await refused(moved, '--data', data)).toContain('lies elsewhere than its run would write');
  expect(await refused(join(root, 'nothing.json'))).toContain('There is no record');
  const own = join(root, 'own.json');
  const ofOwn = { ...settings, task: { name: 'classify-reviews', version: 1 } };
  const record = sampleRecord({ settings: ofOwn, identity: hashJson(ofOwn) });
  await writeFile(own, JSON.stringify(record));
  expect(await refused(own)).toContain('give the command that made it');
  expect(await readFile(red, 'utf8')).toBe(kept);
});
