// Tests of verdicts on reproduced cells and averages. Golden numbers are scipy's.
import { describe, expect, test } from 'vitest';
import { bestOf } from '../../../harness/reporting/tables/best-of.ts';
import {
  judgeAverage,
  judgeCell,
  kendallTauB,
  sameParameters,
  tallyVerdicts,
  type Ours,
} from '../../../harness/reporting/published/verdict.ts';

const cola = [61.2, 60.1, 58.8, 63.0, 59.7];
const ours = (values: readonly number[], more: Partial<Ours> = {}): Ours => ({
  values,
  planned: values.length,
  ...more,
});
const printed = (mean: number, sd?: number, runs = 5) => ({ mean, decimals: 1, sd, runs });
const wide = [50, 60, 70];

// Tolerances follow from scipy's t quantiles and Welch–Satterthwaite.
describe('a cell', () => {
  test('both spreads known', () => {
    const { verdict, spread } = judgeCell(ours(cola), printed(61, 2.96), wide);
    expect(verdict.kind).toBe('reproduced');
    expect(verdict).toHaveProperty('difference', expect.closeTo(-0.44, 10));
    expect(verdict).toHaveProperty('tolerance', expect.closeTo(3.7125746398315416, 8));
    expect(spread!.degrees).toBeCloseTo(6.183969864764604, 9);
  });

  test('too far away, by how much and against what', () => {
    const { verdict } = judgeCell(ours([60.2, 60.1, 60.3]), printed(61, 0.31), wide);
    expect(verdict.kind).toBe('not reproduced');
    expect(verdict).toHaveProperty('difference', expect.closeTo(-0.8, 10));
    expect(verdict).toHaveProperty('tolerance', expect.closeTo(0.43172113971143977, 8));
  });

  test('ours stands for an unknown spread, theirs for a single run', () => {
    const unknown = judgeCell(ours([72.1, 73, 71.4]), printed(72.7, undefined, 1), wide).verdict;
    expect(unknown).toHaveProperty('tolerance', expect.closeTo(4.034957470273168, 8));
    const single = judgeCell(ours([60]), printed(61, 2.96), wide).verdict;
    expect(single).toHaveProperty('tolerance', expect.closeTo(9.052671953646481, 8));
    expect(judgeCell(ours([60]), printed(61, undefined, 1), wide).verdict).toEqual({
      kind: 'no verdict',
      reason: 'one run, spread unknown',
      difference: -1,
    });
  });

  test('without any spread the printed digit decides, its edge included', () => {
    const same = (value: number) => judgeCell(ours([value, value, value]), printed(61, 0), wide).verdict.kind;
    expect(same(61.05)).toBe('reproduced');
    expect(same(61.06)).toBe('not reproduced');
  });

  test('too noisy where the whole column lies within the tolerance, of three rows and more', () => {
    const verdict = (column: readonly number[]) => judgeCell(ours(cola), printed(61, 2.96), column).verdict;
    expect(verdict([58, 60, 61]).kind).toBe('too noisy');
    expect(verdict([58, 61]).kind).toBe('reproduced');
    // Noise never turns a miss into another verdict.
    expect(judgeCell(ours(cola), printed(70, 2.96), [69, 70, 70]).verdict.kind).toBe('not reproduced');
  });

  test('not run: nothing finished, or fewer than three of those planned', () => {
    const verdict = (values: readonly number[], more: Partial<Ours>) =>
      judgeCell(ours(values, more), printed(61, 2.96), wide).verdict;
    expect(verdict([], { planned: 5, reason: 'no data' })).toEqual({ kind: 'not run', reason: 'no data' });
    expect(verdict([61, 62], { planned: 5 })).toEqual({ kind: 'not run', reason: '2 of 5' });
    expect(verdict([61, 62, 61.5], { planned: 5 }).kind).toBe('reproduced');
    expect(verdict([61, 62], { planned: 2 }).kind).toBe('reproduced');
    // The first rule that applies decides.
    expect(verdict([61, 62], { planned: 5, notComparable: 'built-in' }).kind).toBe('not run');
    expect(verdict(cola, { notComparable: 'built-in' })).toEqual({
      kind: 'not comparable',
      reason: 'built-in',
    });
  });

  test('the best of many runs: their mean, and the spread of the choice on both sides', () => {
    const best = { keep: 2, higherIsBetter: true };
    const { mean, spread } = judgeCell(ours([1, 8, 2, 4], { best }), printed(6), wide);
    expect(mean).toBe(6);
    // The variance over all 256 resamples of 1, 2, 4, 8 is 3.7225.
    expect(spread!.variance / 2).toBeGreaterThan(3.7225 * 0.96);
    expect(spread!.variance / 2).toBeLessThan(3.7225 * 1.04);
    expect(spread!.degrees).toBe(3);
    expect(bestOf([1, 8, 2, 4], { keep: 2, higherIsBetter: false })).toMatchObject({ mean: 1.5 });
    expect(bestOf([1, 8, 2, 4], best).sd).toBeCloseTo(Math.sqrt(8), 12);
    expect(() => bestOf([1], best)).toThrow(RangeError);
  });
});

describe('an average', () => {
  const cells = [
    judgeCell(ours(cola), printed(61, 2.96), wide),
    judgeCell(ours([60.2, 60.1, 60.3]), printed(61, 0.31), wide),
  ];
  const average = { cells, printed: 61, column: wide };

  test('has the spreads of its cells together and a tenth besides', () => {
    const { verdict, mean } = judgeAverage(average)!;
    expect(mean).toBeCloseTo(60.38, 10);
    expect(verdict).toHaveProperty('tolerance', expect.closeTo(1.9320117849980827, 8));
    expect(verdict.kind).toBe('reproduced');
  });

  test('waits for every cell, and is no better than they are', () => {
    const missing = judgeCell(ours([], { planned: 5 }), printed(61), wide);
    expect(judgeAverage({ ...average, cells: [...cells, missing] })).toBeUndefined();
    const foreign = judgeCell(ours(cola, { notComparable: 'built-in base' }), printed(61), wide);
    expect(judgeAverage({ ...average, cells: [...cells, foreign] })!.verdict).toEqual({
      kind: 'not comparable',
      reason: 'built-in base',
    });
  });
});

test('parameters are equal after rounding to the printed digits, without tolerance', () => {
  expect(sameParameters(18_432, '0.02M')).toBe(true);
  expect(sameParameters(25_192_448, '25.2M')).toBe(true);
  expect(sameParameters(313_536, '0.4M')).toBe(false);
  expect(sameParameters(354_823_168, '355M')).toBe(true);
  expect(sameParameters(1, 'many')).toBeUndefined();
});

test('the foot counts verdicts and the misses of chance', () => {
  const judged = { difference: 0, tolerance: 1 };
  const tally = tallyVerdicts([
    { kind: 'reproduced', ...judged },
    { kind: 'reproduced', ...judged },
    { kind: 'too noisy', ...judged },
    { kind: 'not reproduced', ...judged },
    { kind: 'not run', reason: '' },
  ]);
  expect(tally.verdicts).toEqual({ reproduced: 2, 'too noisy': 1, 'not reproduced': 1, 'not run': 1 });
  expect(tally.judged).toBe(4);
  expect(tally.expectedMisses).toBeCloseTo(0.2, 12);
});

test("Kendall's τ_b, as scipy computes it", () => {
  expect(kendallTauB([1, 2, 3, 4, 5], [1, 3, 2, 4, 4])).toBeCloseTo(0.7378647873726218, 12);
  expect(kendallTauB([3, 1, 2, 2], [2.5, 1, 1, 4])).toBeCloseTo(0.4, 12);
  expect(kendallTauB([1, 2], [3, 3])).toBeUndefined();
  expect(kendallTauB([1], [3])).toBeUndefined();
});
