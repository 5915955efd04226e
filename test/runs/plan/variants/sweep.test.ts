// Tests of --sweep and --ablations: combinations, names, shares of threads and memory.
import { expect, test } from 'vitest';
import { UsageError } from '../../../../harness/support/errors.ts';
import { shareOfMachine } from '../../../../harness/runs/execute/job.ts';
import { loadMethods } from '../../../../harness/runs/plan/load-plugins.ts';
import { sweepCombinations, withAblations } from '../../../../harness/runs/plan/variants/sweep.ts';

test('values multiply, the last key fastest', () => {
  const written = (sweeps: string[]) =>
    sweepCombinations(sweeps).map((all) => all.map(({ key, value }) => `${key}=${value}`).join(' '));
  expect(written([])).toEqual(['']);
  expect(written(['rank=2,4', 'learning-rate=1e-3,1e-2,1e-3'])).toEqual([
    'rank=2 learningRate=1e-3',
    'rank=2 learningRate=1e-2',
    'rank=4 learningRate=1e-3',
    'rank=4 learningRate=1e-2',
  ]);
  for (const wrong of [['rank'], ['rank='], ['rank=2,,4'], ['rank=2', 'rank=4']])
    expect(() => sweepCombinations(wrong)).toThrow(UsageError);
});

test("RED's ablations are those of the paper's Tables 6 and 7", async () => {
  const methods = await loadMethods();
  expect(withAblations(['red', 'lora', 'red~layers=1'], methods)).toEqual([
    ...['red', 'red~no-scaling', 'red~no-bias', 'red~position=attn', 'red~position=ffn+attn'],
    ...['lora', 'red~layers=1'],
  ]);
  expect(() => withAblations(['lora'], methods)).toThrow(
    /lora has no named ablations. Methods that have: .*red/,
  );
});

test('threads and memory are shared out, and nobody gets none', () => {
  expect(shareOfMachine(16, 3).threads).toBe(5);
  expect(shareOfMachine(2, 8).threads).toBe(1);
  expect(shareOfMachine(8, 4).heapMiB).toBeLessThanOrEqual(shareOfMachine(8, 2).heapMiB);
  expect(shareOfMachine(8, 10_000).heapMiB).toBe(512);
});
