import { mean, sampleStandardDeviation } from 'simple-statistics';
import { percentileInterval } from '../../metrics/resampling/bootstrap.ts';
import { normalQuantile975, normalTwoSided, studentQuantile, studentTwoSided } from './statistics.ts';

/**
 * One seed of one method, or of another on the same test set: the metric, and on each resample of the
 * examples.
 */
export interface SeedScore {
  readonly value: number;
  readonly resampled: Float64Array;
}

/** Two methods over the same seeds and examples, in the metric's units. */
export interface Comparison {
  /** Seeds that both finished. */
  readonly n: number;
  /** Mean over seeds of first minus second. */
  readonly difference: number;
  /** The larger of s_d / √n and the sd of the difference over resamples of the examples. */
  readonly standardError: number;
  /** 95 %: from t with n − 1 degrees where the seeds' term is the larger one, else normal. */
  readonly interval: readonly [number, number];
  /** Two-sided, from the same distribution. */
  readonly p: number;
  /** Such as `one seed`. */
  readonly footnote?: string;
  /** The middle 95 % of the resampled differences. */
  readonly percentile: readonly [number, number];
  /** Two-sided, of the paired t test over seeds alone; undefined for one seed. */
  readonly pairedT: number | undefined;
}

/**
 * Compares two methods from their scores by seed, the same seeds in the same order, and the same resamples;
 * throws RangeError where there is none.
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

/** Holm's adjusted p values of one family, in the order given: below α where rejected. */
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
