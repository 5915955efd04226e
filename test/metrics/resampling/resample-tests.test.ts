// Tests of metrics on resampled test sets, which decide the marks of tables. Golden correlations are scipy's.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { accuracyMetric } from '../../../harness/metrics/labels/accuracy.ts';
import { f1Metric } from '../../../harness/metrics/labels/f1.ts';
import { matthewsMetric } from '../../../harness/metrics/labels/matthews.ts';
import { pearsonMetric } from '../../../harness/metrics/labels/pearson.ts';
import { spearmanMetric } from '../../../harness/metrics/labels/spearman.ts';
import { resampleTests } from '../../../harness/metrics/resampling/resample-tests.ts';
import { sampledMean, scaled } from '../../../harness/metrics/resampling/sampled-metric.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';

const ofClasses = [accuracyMetric, f1Metric, matthewsMetric];
const all = [...ofClasses, pearsonMetric, spearmanMetric];
const repeat = (values: readonly number[], counts: Uint32Array): number[] =>
  values.flatMap((value, i) => Array.from({ length: counts[i]! }, () => value));

test.each(all)('$name of a sample is that of its examples written out', ({ compute, resample }) => {
  const row = fc.tuple(fc.nat(2), fc.nat(2), fc.nat(3));
  fc.assert(
    fc.property(fc.array(row, { minLength: 1, maxLength: 12 }), (rows) => {
      // Metrics refuse an empty sample.
      fc.pre(rows.some(([, , count]) => count > 0));
      const [labels, predictions] = [rows.map(([label]) => label), rows.map(([, prediction]) => prediction)];
      const counts = Uint32Array.from(rows, ([, , count]) => count);
      const expected = compute(repeat(labels, counts), repeat(predictions, counts));
      const found = resample({ labels, predictions })(counts);
      if (Number.isFinite(expected)) expect(found).toBeCloseTo(expected, 9);
      // Correlations of constant values are undefined.
      else expect(found).toBeNaN();
    }),
  );
});

test('correlations of a sample, as scipy computes them', () => {
  const test = { labels: [1, 2, 2, 5, 3, 4], predictions: [2, 1, 3, 4, 4, 0] };
  const counts = Uint32Array.of(2, 0, 1, 3, 1, 2);
  expect(pearsonMetric.resample(test)(counts)).toBeCloseTo(0.24120907566221078, 12);
  expect(spearmanMetric.resample(test)(counts)).toBeCloseTo(0.48666426339228763, 12);
});

describe('resamples', () => {
  const values = Array.from({ length: 100 }, (_, i) => i % 7);
  const ids = values.map((_, i) => `example ${i}`);

  test('the mean scatters by s / √n, and equal tests get the same samples', () => {
    const tests = [0, 1].map(() => ({ ids, metric: sampledMean(values) }));
    const [a, b] = resampleTests(tests, { resamples: 10_000 });
    expect(a).toEqual(b);
    const mean = values.reduce((sum, value) => sum + value, 0) / 100;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 100;
    const spread = Math.sqrt(a!.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 10_000);
    expect(spread / Math.sqrt(variance / 100)).toBeGreaterThan(0.97);
    expect(spread / Math.sqrt(variance / 100)).toBeLessThan(1.03);
  });

  test('tests that share examples share their draws, whatever their order', () => {
    const sizes = (own: readonly string[]) => ({
      ids: own,
      metric: (counts: Uint32Array) => counts.reduce((sum, count) => sum + count, 0),
    });
    const [all, head, tail, turned] = resampleTests(
      [sizes(ids), sizes(ids.slice(0, 50)), sizes(ids.slice(50)), sizes(ids.slice(0, 50).reverse())],
      { resamples: 200 },
    );
    expect([...all!]).toEqual(Array.from({ length: 200 }, () => 100));
    expect([...head!].map((size, k) => size + tail![k]!)).toEqual([...all!]);
    expect(turned).toEqual(head);
    expect(new Set(head).size).toBeGreaterThan(5);
  });

  test('a seed that tests half of the official set gets about half of what is drawn', () => {
    const count = { ids, metric: (counts: Uint32Array) => counts.reduce((sum, n) => sum + n, 0) };
    const [sizes] = resampleTests([count], { resamples: 2000, population: 200 });
    const mean = sizes!.reduce((sum, size) => sum + size, 0) / 2000;
    expect(mean).toBeGreaterThan(98);
    expect(mean).toBeLessThan(102);
    expect(new Set(sizes).size).toBeGreaterThan(5);
  });

  test('what has no meaning counts as 0', () => {
    const [zeros] = resampleTests([{ ids: ['a'], metric: () => NaN }], { resamples: 3 });
    expect([...zeros!]).toEqual([0, 0, 0]);
  });
});

test.each([1, 3, 12])(
  'examples of the same kind are counted together, with the very same numbers, of %i runs',
  (runs) => {
    const size = 300;
    const ids = Array.from({ length: size }, (_, i) => `${i}`);
    const random = randomStream(5, 'kinds');
    const labels = Array.from(random.integers(size, 3));
    const tests = Array.from({ length: runs }, () => {
      const wrong = random.integers(size, 4);
      const predictions = labels.map((label, i) => (wrong[i] === 0 ? (label + 1) % 3 : label));
      const test = { labels, predictions };
      return ofClasses.map(({ resample }) => ({ ids, metric: scaled(resample(test), 100) }));
    }).flat();
    // Tests without kinds count every example in each resample.
    const plain = tests.map(({ metric }) => ({ ids, metric: (counts: Uint32Array) => metric(counts) }));
    expect(tests.every(({ metric }) => metric.kinds)).toBe(true);
    expect(resampleTests(tests, { resamples: 200 })).toEqual(resampleTests(plain, { resamples: 200 }));
  },
);
