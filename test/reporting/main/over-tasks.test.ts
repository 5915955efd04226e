// Tests of averages, mean ranks and wins over tasks.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { averageOf, meanRanks, winsOf, type Score } from '../../../harness/reporting/main/over-tasks.ts';

const score = (mean: number, bySeed: [number, number][] = [], higherIsBetter = true): Score => ({
  mean,
  higherIsBetter,
  decimals: 1,
  bySeed: new Map(bySeed),
});

test('the average has the spread of the seeds averages where all tasks have the same seeds', () => {
  const a = score(80, [
    [1, 78],
    [2, 82],
  ]);
  const b = score(61, [
    [1, 60],
    [2, 62],
  ]);
  // The seeds' averages are 69 and 72.
  expect(averageOf([a, b])).toEqual({ mean: 70.5, sd: Math.sqrt(4.5), decimals: 1 });
  expect(averageOf([a, score(61, [[1, 61]])])).toMatchObject({ mean: 70.5, sd: undefined });
  expect(averageOf([a, undefined])).toBeUndefined();
  expect(averageOf([a, score(1, [], false)])).toBeUndefined();
});

test('ranks are among the rows that have every task, and equal scores share theirs', () => {
  const rows = [
    [score(90), score(70), score(3, [], false)],
    [score(90), score(60), score(1, [], false)],
    [score(80), score(80), score(2, [], false)],
    [score(99), undefined, score(0, [], false)],
  ];
  expect(meanRanks(rows)).toEqual([(1.5 + 2 + 3) / 3, (1.5 + 3 + 1) / 3, (3 + 1 + 2) / 3, undefined]);
  // The last row is the best of two tasks, though it has no rank.
  expect(winsOf(rows)).toEqual([0, 0, 1, 2]);
});

test('the ranks of complete rows sum to what ranks without ties sum to', () => {
  const table = fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 3, maxLength: 3 }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(table, (values) => {
      const rows = values.map((row) => row.map((value) => score(value)));
      const total = meanRanks(rows).reduce<number>((sum, rank) => sum + rank!, 0);
      expect(total).toBeCloseTo((rows.length * (rows.length + 1)) / 2, 9);
      expect(winsOf(rows).reduce((sum, wins) => sum + wins, 0)).toBeGreaterThanOrEqual(3);
    }),
  );
});
