import { mean, sampleStandardDeviation, sampleVariance } from 'simple-statistics';
import { sampler } from '../../metrics/resampling/bootstrap.ts';

/** The mean of the best K of N runs. */
export interface BestOf {
  readonly mean: number;
  /** Of the K, with K − 1; undefined for one. */
  readonly sd: number | undefined;
  /** Of the mean, over resamples of the N runs with the choice repeated. */
  readonly variance: number;
}

const resamples = 10_000;

/**
 * Averages the best `keep` values. Choosing lifts the mean and shrinks the spread, so the mean's variance is
 * that over 10,000 bootstrap resamples of all values from which the best are chosen again; throws RangeError
 * where there are fewer values.
 */
export function bestOf(
  values: readonly number[],
  { keep, higherIsBetter }: { readonly keep: number; readonly higherIsBetter: boolean },
): BestOf {
  const n = values.length;
  if (!(keep >= 1 && keep <= n)) throw new RangeError(`the best ${keep} of ${n} values`);
  const choose = (all: readonly number[]): number[] =>
    all.toSorted((a, b) => (higherIsBetter ? b - a : a - b)).slice(0, keep);
  const draw = sampler(0);
  const means = Array.from({ length: resamples }, () =>
    mean(choose(Array.from({ length: n }, () => values[draw(n)]!))),
  );
  const chosen = choose(values);
  return {
    mean: mean(chosen),
    sd: keep > 1 ? sampleStandardDeviation(chosen) : undefined,
    variance: sampleVariance(means),
  };
}
