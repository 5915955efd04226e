// Tests of `run --log tensorboard`: what a sweep writes, in one process and in several.
import { mkdir, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecordFile, tinyModel, writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));
const bench = benchInside(root);
const data = join(root, 'data');

beforeAll(async () => {
  await mkdir(data);
  await writeTinyE2E(data);
});

/** Tags with their steps and values, read from the records of an event file. */
async function scalarsOf(folder: string): Promise<{ tag: string; step: number; value: number }[]> {
  const [name] = await readdir(folder);
  expect(name).toMatch(/^events\.out\.tfevents\.\d+\.deltabench$/);
  const bytes = await readFile(join(folder, name!));
  const found = [];
  for (let at = 0; at < bytes.length;) {
    const length = Number(bytes.readBigUInt64LE(at));
    const record = bytes.subarray(at + 12, at + 12 + length);
    at += 16 + length;
    // After the time (9 bytes) stand the step (2), a summary and its value (2 each), and the tag with its length.
    if (record[11] !== 0x2a) continue;
    const tag = record.subarray(17, 17 + record[16]!).toString();
    found.push({ tag, step: record[10]!, value: record.readFloatLE(length - 4) });
  }
  return found;
}

test.each([
  ['one process', []],
  ['two processes', ['--jobs', '2']],
])('a sweep in %s writes losses of every step, validation and test', async (name, jobs) => {
  const results = join(root, name);
  const { exitCode, stderr } = await bench(
    ...['--task', 'e2e', '--model', tinyModel, '--method', 'red', 'bitfit', '--seeds', '1', '--data', data],
    ...['--set', 'max-new-tokens=2', 'batch-size=4', '--limit', '8', '--log', 'tensorboard', ...jobs],
    ...['--results', results, '--threads', '1'],
  );
  expect(exitCode, stderr).toBe(0);
  for (const method of ['red', 'bitfit']) {
    const record = await readRecordFile(join(results, 'e2e', tinyModel, method, 'seed-1.json'));
    const scalars = await scalarsOf(join(results, 'tensorboard', 'e2e', tinyModel, method, 'seed-1'));
    const of = (tag: string) => scalars.filter((one) => one.tag === tag);
    const { steps, evaluations } = record.training!;
    expect(of('train/loss').map(({ step }) => step)).toEqual(Array.from({ length: steps }, (_, i) => i + 1));
    expect(of('validation/loss').map(({ step, value }) => [step, value])).toEqual(
      evaluations.map(({ step, loss }) => [step, Math.fround(loss!)]),
    );
    expect(of('test/BLEU')).toEqual([
      { tag: 'test/BLEU', step: record.training!.bestStep, value: Math.fround(record.metrics[0]!.value) },
    ]);
  }
  // What lies there is no record, and hinders no report.
  expect((await bench('status', '--results', results)).stdout).toBe('2 runs: 2 done');
});
