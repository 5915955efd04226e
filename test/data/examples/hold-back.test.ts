// Tests of training pairs that are held back to validate on. Golden rows are those of datasets 5.2.0.
import { expect, test } from 'vitest';
import { holdBack } from '../../../harness/data/examples/hold-back.ts';
import type { Splits } from '../../../harness/data/examples/task.ts';
import { UsageError } from '../../../harness/support/errors.ts';

function splitsOf(count: number): Splits {
  const train = Array.from({ length: count }, (_, i) => ({ input: String(i), target: 'yes' }));
  const own = [{ input: 'own', target: 'no' }];
  return { source: { name: 'math', form: 'folder', hash: '' }, train, validation: own, test: [] };
}

test("Math10K's 120 rows are those of train_test_split(test_size=120, shuffle=True, seed=42)", () => {
  const { train, validation } = holdBack(splitsOf(9919), 120);
  const rows = (pairs: Splits['train']) => pairs.map(({ input }) => Number(input));
  const [learnt, held] = [rows(train), rows(validation)];
  expect([held.length, learnt.length]).toEqual([120, 9799]);
  expect(held.slice(0, 5)).toEqual([3092, 1149, 7100, 5294, 2421]);
  expect(held.slice(-3)).toEqual([665, 5231, 3441]);
  expect(learnt.slice(0, 3)).toEqual([6376, 2683, 3507]);
  expect(learnt.slice(-3)).toEqual([5668, 5729, 9864]);
  expect(new Set([...held, ...learnt]).size).toBe(9919);
});

test('one example at least is left to learn', () => {
  expect(holdBack(splitsOf(3), 2).train).toHaveLength(1);
  for (const count of [3, 4]) expect(() => holdBack(splitsOf(3), count)).toThrow(UsageError);
  expect(() => holdBack(splitsOf(3), 3)).toThrow(
    'validationExamples=3: math has 3 training examples, of which some must be left to learn; hold back fewer.',
  );
});
