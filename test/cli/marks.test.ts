import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { benchIn, writeTinyE2E } from './bench.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const bench = benchIn(folder);
afterAll(() => rm(folder, { recursive: true }));

interface Output {
  rows: { variant: string; marks?: Record<string, string>; collapsed?: number[] }[];
  comparisons: { metric: string; best: string; other: string; n: number; p: number; adjustedP: number }[];
  runs: { path: string }[];
}

test('methods with three seeds each are compared and marked; predictions that changed since mark nothing', async () => {
  const data = join(folder, 'data');
  await writeTinyE2E(data);
  const args = [
    ...['--task', 'e2e', '--model', 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128'],
    ...['--data', data, '--threads', '1', '--results', join(folder, 'results'), '--method', 'red', 'full'],
    ...['--seeds', '1', '2', '3', '--max-steps', '30', '--set', 'learning-rate=0.02', 'max-new-tokens=12'],
  ];
  const { stdout, stderr, exitCode } = await bench(...args);
  expect(exitCode, stderr).toBe(0);
  expect(stdout).toMatch(/^\* the best mean and those after it, down to the first/m);
  expect(stdout).toMatch(/^(RED|FT) .* \d+\.\d+ ± \d+\.\d+\*/m);

  const { rows, comparisons, runs } = JSON.parse((await bench(...args, '--json')).stdout) as Output;
  // A family: five metrics, the best of two rows against the other.
  expect(comparisons).toHaveLength(5);
  for (const { n, p, adjustedP, best, other, metric } of comparisons) {
    expect(n).toBe(3);
    expect(adjustedP).toBeGreaterThanOrEqual(p);
    const markOf = (variant: string) => rows.find((row) => row.variant === variant)?.marks?.[metric];
    expect(markOf(best)).toBe('best');
    expect(markOf(other)).toBe(adjustedP < 0.05 ? 'next' : 'best');
  }

  await appendFile(runs[0]!.path.replace(/json$/, 'predictions.jsonl'), '\n');
  const after = JSON.parse((await bench(...args, '--json')).stdout) as Output;
  expect(after.comparisons).toEqual([]);
  expect(after.rows.every(({ marks }) => marks === undefined)).toBe(true);
});
