/** The statistics behind a table's marks: a paired comparison of two methods, and Holm's correction. */
import { mean, sampleStandardDeviation } from 'simple-statistics';
import { percentileInterval } from '../../metrics/resampling/bootstrap.ts';
import { normalQuantile975, normalTwoSided, studentQuantile, studentTwoSided } from './statistics.ts';

/**
 * One seed of a method: its score, and its scores on resamples of the examples, which compared methods share.
 */
export interface SeedScore {
  readonly value: number;
  readonly resampled: Float64Array;
}

/** The comparison of two methods over the same seeds and examples, in the metric's units. */
export interface Comparison {
  /** The number of seeds that both methods finished. */
  readonly n: number;
  /** The mean over seeds of first minus second. */
  readonly difference: number;
  /**
   * The standard error: the larger of s_d / √n over seeds and the standard deviation over resamples of the
   * examples.
   */
  readonly standardError: number;
  /** The 95 % interval: by t with n − 1 degrees if the seeds' term is the larger one, else normal. */
  readonly interval: readonly [number, number];
  /** The two-sided p value of the same distribution. */
  readonly p: number;
  /** A note on the sample, such as `one seed`. */
  readonly footnote?: string;
  /** The middle 95 % of the resampled differences. */
  readonly percentile: readonly [number, number];
  /** The two-sided p value of the paired t test over seeds alone; undefined for one seed. */
  readonly pairedT: number | undefined;
}

/**
 * Compares two methods by their scores: the same seeds in the same order, the same resamples. Throws
 * RangeError if there are none.
 */
export function compareMethods(a: readonly SeedScore[], b: readonly SeedScore[]): Comparison {
  const n = a.length;
  if (n === 0 || b.length !== n) throw new RangeError(`${n} and ${b.length} seeds cannot be paired`);
  const differences = a.map(({ value }, i) => value - b[i]!.value);
  const difference = mean(differences);
  const resampled = Float64Array.from(
    a[0]!.resampled,
    (_, k) => a.reduce((sum, seed, i) => sum + seed.resampled[k]! - b[i]!.resampled[k]!, 0) / n,
  );
  const examples = sampleStandardDeviation([...resampled]);
  const seeds = n > 1 ? sampleStandardDeviation(differences) / Math.sqrt(n) : 0;
  const bySeeds = seeds > examples;
  const standardError = Math.max(seeds, examples);
  const half = (bySeeds ? studentQuantile(0.975, n - 1) : normalQuantile975) * standardError;
  const twoSided = (error: number, ofSeeds: boolean): number => {
    if (difference === 0) return 1;
    const t = difference / error;
    return ofSeeds ? studentTwoSided(t, n - 1) : normalTwoSided(t);
  };
  return {
    n,
    difference,
    standardError,
    interval: [difference - half, difference + half],
    p: twoSided(standardError, bySeeds),
    ...(n === 1 && { footnote: 'one seed' }),
    percentile: percentileInterval(resampled),
    pairedT: n > 1 ? twoSided(seeds, true) : undefined,
  };
}

/** Adjusts the p values of one family by Holm's method, in the given order; below α means rejected. */
export function holm(ps: readonly number[]): number[] {
  const adjusted = ps.map(() => 1);
  let largest = 0;
  const order = ps.map((_, i) => i).sort((i, j) => ps[i]! - ps[j]!);
  for (const [rank, i] of order.entries()) {
    largest = Math.max(largest, Math.min(1, (ps.length - rank) * ps[i]!));
    adjusted[i] = largest;
  }
  return adjusted;
}
