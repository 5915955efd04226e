// Tests of the distributions and summaries behind tables. Golden numbers are scipy's and closed forms.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  normalTwoSided,
  studentQuantile,
  studentTwoSided,
  summarise,
} from '../../../harness/reporting/tables/statistics.ts';

// For 1 and 2 degrees of freedom the quantiles are tan(π(p − ½)) and (2p − 1)/√(2p(1 − p)); others are
// tabulated.
test.each([
  [0.975, 1, 12.7062047361747],
  [0.975, 2, 4.30265272974946],
  [0.975, 4, 2.77644510519779],
  [0.975, 30, 2.04227245630124],
  [0.975, 1000, 1.96233908082641],
  [0.995, 3, 5.84090930973335],
  [0.5, 7, 0],
  [0.025, 4, -2.77644510519779],
])('t(%d, %d) = %d', (p, degrees, expected) => {
  expect(studentQuantile(p, degrees)).toBeCloseTo(expected, 9);
});

// scipy's 2 · t.sf and 2 · norm.sf.
test.each([
  [2.5, 4, 0.06676654481198814],
  [-0.3, 2, 0.7924856608401776],
  [8, 3.7, 0.0018250909626747335],
])('P(|T| ≥ |%d|) with ν = %d is %d', (t, degrees, expected) => {
  expect(studentTwoSided(t, degrees) / expected).toBeCloseTo(1, 10);
});
test.each([
  [0, 1],
  [0.1, 0.920344325445942],
  [1, 0.31731050786291415],
  [1.7, 0.08913092551708608],
  [-1.75, 0.08011831372763417],
  [1.96, 0.04999579029644087],
  [5, 5.733031437583866e-7],
  [10, 1.523970604832094e-23],
])('P(|Z| ≥ |%d|) is %d', (z, expected) => {
  expect(normalTwoSided(z) / expected).toBeCloseTo(1, 12);
});
test('what is infinitely far has no probability', () => {
  expect(studentTwoSided(Infinity, 3)).toBe(0);
  expect(normalTwoSided(Infinity)).toBe(0);
  expect(() => studentTwoSided(1, 0)).toThrow(RangeError);
});

test('degrees of freedom need not be whole', () => {
  const between = studentQuantile(0.975, 3.5);
  expect(between).toBeLessThan(studentQuantile(0.975, 3));
  expect(between).toBeGreaterThan(studentQuantile(0.975, 4));
});

test('there is no quantile outside (0, 1)', () => {
  expect(() => studentQuantile(1, 3)).toThrow(RangeError);
  expect(() => studentQuantile(0.5, 0)).toThrow(RangeError);
});

test('mean, sd with n - 1, median, 95 % interval', () => {
  const summary = summarise([2, 4, 4, 4, 5, 5, 7, 9]);
  expect(summary).toMatchObject({ n: 8, mean: 5, median: 4.5, min: 2, max: 9 });
  expect(summary.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
  // The quantile t(0.975, 7) is 2.36462425101.
  const half = (2.36462425101 * Math.sqrt(32 / 7)) / Math.sqrt(8);
  expect(summary.interval![0]).toBeCloseTo(5 - half, 8);
  expect(summary.interval![1]).toBeCloseTo(5 + half, 8);
});

test('one value has no spread, none has nothing', () => {
  expect(summarise([3])).toEqual({
    n: 1,
    mean: 3,
    median: 3,
    min: 3,
    max: 3,
    sd: undefined,
    interval: undefined,
  });
  expect(() => summarise([])).toThrow(RangeError);
});

test('equal values have no spread at all', () => {
  fc.assert(
    fc.property(
      fc.double({ min: -1e6, max: 1e6, noNaN: true }),
      fc.integer({ min: 2, max: 9 }),
      (value, n) => {
        const { mean, sd } = summarise(Array.from({ length: n }, () => value));
        expect(mean).toBeCloseTo(value, 6);
        expect(sd).toBeCloseTo(0, 6);
      },
    ),
  );
});
