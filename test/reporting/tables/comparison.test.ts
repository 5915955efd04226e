// Tests of comparisons of two methods over seeds and examples, and of Holm's correction. Golden numbers are
// scipy's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compareMethods, holm } from '../../../harness/reporting/tables/comparison.ts';

/** Makes scores of seeds; their resamples are spread evenly within ± `noise`. */
const scores = (values: readonly number[], noise: number) =>
  values.map((value) => ({
    value,
    resampled: Float64Array.from({ length: 101 }, (_, k) => value + noise * ((k - 50) / 50)),
  }));
const a = [61, 62, 60.5, 63, 61.2];
const b = [60, 61.5, 60.4, 61.2, 60.9];

describe('two methods', () => {
  test('the seeds scatter more than the examples: a paired t test, as scipy computes it', () => {
    const found = compareMethods(scores(a, 1), scores(b, 1));
    expect(found.difference).toBeCloseTo(0.74, 12);
    expect(found.standardError).toBeCloseTo(0.3043024810940578, 12);
    expect(found.p).toBeCloseTo(0.07184191709404185, 10);
    expect(found.pairedT).toBeCloseTo(0.07184191709404185, 10);
    expect(found.interval[0]).toBeCloseTo(-0.1048791341331402, 8);
    expect(found.interval[1]).toBeCloseTo(1.5848791341331414, 8);
    expect(found.footnote).toBeUndefined();
  });

  test('the examples scatter more than the seeds: the normal distribution', () => {
    const found = compareMethods(scores(a, 1), scores(b, 0));
    // The standard deviation of (k − 50) / 50 for k = 0 … 100 is √(101 · 102 / 12) / 50.
    const sigma = Math.sqrt((101 * 102) / 12) / 50;
    expect(found.standardError).toBeCloseTo(sigma, 12);
    expect(found.interval[1] - found.difference).toBeCloseTo(1.959963984540054 * sigma, 10);
    // scipy's 2 · norm.sf(0.74 / 0.58600…).
    expect(found.p).toBeCloseTo(0.2066, 3);
    expect(found.percentile[0]).toBeCloseTo(0.74 - 0.95, 10);
    expect(found.percentile[1]).toBeCloseTo(0.74 + 0.95, 10);
  });

  test('one seed has the scatter of the examples alone, and says so', () => {
    const found = compareMethods(scores([61], 1), scores([60], 0));
    expect(found).toMatchObject({ n: 1, footnote: 'one seed', pairedT: undefined });
    expect(found.standardError).toBeCloseTo(Math.sqrt((101 * 102) / 12) / 50, 12);
  });

  test('equal methods do not differ, methods that differ everywhere do', () => {
    expect(compareMethods(scores(a, 1), scores(a, 1))).toMatchObject({
      difference: 0,
      p: 1,
      standardError: 0,
    });
    expect(compareMethods(scores([1, 1], 0), scores([0, 0], 0)).p).toBe(0);
  });

  test('seeds must be paired', () => {
    expect(() => compareMethods(scores(a, 1), scores([60], 1))).toThrow(RangeError);
    expect(() => compareMethods([], [])).toThrow(RangeError);
  });
});

describe('Holm', () => {
  test('by hand', () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    for (const [i, p] of [0.03, 0.06, 0.06, 0.02].entries()) expect(adjusted[i]).toBeCloseTo(p, 12);
    expect(holm([])).toEqual([]);
  });

  test('never below the single p, never above Bonferroni, in the same order', () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 20 }), (ps) => {
        const adjusted = holm(ps);
        for (const [i, p] of ps.entries()) {
          expect(adjusted[i]).toBeGreaterThanOrEqual(p);
          expect(adjusted[i]).toBeLessThanOrEqual(Math.min(1, p * ps.length));
          for (const [j, q] of ps.entries()) if (p < q) expect(adjusted[i]).toBeLessThanOrEqual(adjusted[j]!);
        }
      }),
    );
  });
});
