// Tests of the paired bootstrap over segments.
import { describe, expect, it } from 'vitest';
import {
  bootstrapScores,
  compareSystems,
  percentileInterval,
} from '../../../harness/metrics/resampling/bootstrap.ts';
import type { CorpusMetric } from '../../../harness/metrics/text/corpus-metric.ts';

const mean: CorpusMetric = {
  name: 'mean',
  statistics: () => new Float64Array(2),
  score: (sum) => sum[0]! / sum[1]!,
};
const rows = (values: readonly number[]): Float64Array[] => values.map((value) => Float64Array.of(value, 1));
const values = Array.from({ length: 200 }, (_, i) => Math.sin(i * i));
const average = values.reduce((sum, value) => sum + value, 0) / values.length;

describe('the paired bootstrap', () => {
  it('spreads a mean as its standard error', () => {
    const [scores] = bootstrapScores(mean, [rows(values)], { resamples: 4000 });
    const sd = Math.sqrt(values.reduce((sum, value) => sum + (value - average) ** 2, 0) / values.length);
    const [low, high] = percentileInterval(scores!);
    expect((high - low) / (2 * 1.96)).toBeCloseTo(sd / Math.sqrt(values.length), 2);
    expect((low + high) / 2).toBeCloseTo(average, 1);
  });

  it('draws the same samples for all systems, and again with the same seed', () => {
    const shifted = values.map((value) => value + 1);
    const [a, b] = bootstrapScores(mean, [rows(values), rows(shifted)], { resamples: 100, seed: 7 });
    for (const [k, score] of a!.entries()) expect(b![k]! - score).toBeCloseTo(1, 12);
    expect(bootstrapScores(mean, [rows(values)], { resamples: 100, seed: 7 })[0]).toEqual(a);
    expect(bootstrapScores(mean, [rows(values)], { resamples: 100, seed: 8 })[0]).not.toEqual(a);
  });

  it('finds no difference between equal systems and a clear one between unlike ones', () => {
    const better = values.map((value, i) => value + (i % 3 === 0 ? 0.5 : 0.2));
    const [a, b] = bootstrapScores(mean, [rows(values), rows(better)]);
    expect(compareSystems([average, average], [a!, a!])).toEqual({
      difference: 0,
      standardError: 0,
      interval: [0, 0],
      p: 1,
    });
    const { difference, interval, p } = compareSystems([average + 0.3, average], [b!, a!]);
    expect(interval[0]).toBeLessThan(difference);
    expect(interval[0]).toBeGreaterThan(0);
    expect(p).toBeLessThan(0.001);
  });

  it('refuses systems of different length and none', () => {
    expect(() => bootstrapScores(mean, [rows([1, 2]), rows([1])])).toThrow(/got 2, 1 segments/);
    expect(() => bootstrapScores(mean, [[]])).toThrow(RangeError);
  });
});
