// Tests of marks of significance in the table of `bench run`.
import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const bench = benchInside(folder);
afterAll(() => rm(folder, { recursive: true }));

interface Output {
  rows: { variant: string; marks?: Record<string, string>; collapsed?: number[] }[];
  comparisons: { metric: string; best: string; other: string; n: number; p: number; adjustedP: number }[];
  runs: { path: string }[];
}

test('methods with three seeds are compared, but not collapsed seeds or changed predictions', async () => {
  const data = join(folder, 'data');
  await writeTinyE2E(data);
  const args = [
    ...['--task', 'e2e', '--model', 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128'],
    ...['--data', data, '--threads', '1', '--results', join(folder, 'results'), '--method', 'red', 'full'],
    ...['--seeds', '1', '2', '3', '--max-steps', '30', '--set', 'learning-rate=0.02', 'max-new-tokens=12'],
  ];
  const { stdout, stderr, exitCode } = await bench(...args);
  expect(exitCode, stderr).toBe(0);
  // A base this small gives the same answer to everything.
  expect(stdout).toMatch(/^(RED|FT), seed 1 collapsed: all its predictions are the same$/m);
  expect(stdout).toMatch(
    /^Nothing is marked as best of BLEU: a seed of the best row, (RED|FT), collapsed\.$/m,
  );
  for (const line of stdout.split('\n').slice(1)) expect(line.length).toBeLessThanOrEqual(80);

  const { rows, comparisons, runs } = JSON.parse((await bench(...args, '--json')).stdout) as Output;
  // Five metrics compare the best of two rows with the other; they form one family.
  expect(comparisons).toHaveLength(5);
  for (const { n, p, adjustedP } of comparisons) {
    expect(n).toBe(3);
    expect(adjustedP).toBeGreaterThanOrEqual(p);
  }
  expect(rows.map(({ collapsed }) => collapsed)).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ]);

  await appendFile(runs[0]!.path.replace(/json$/, 'predictions.jsonl'), '\n');
  const after = JSON.parse((await bench(...args, '--json')).stdout) as Output;
  expect(after.comparisons).toEqual([]);
  expect(after.rows.every(({ marks }) => marks === undefined)).toBe(true);
});
