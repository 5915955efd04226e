/** The mean of the best K of N seeds, for protocols that choose seeds. */
import { mean, sampleStandardDeviation, sampleVariance } from 'simple-statistics';
import { sampler } from '../../metrics/resampling/bootstrap.ts';

/** The mean of the best K of N runs. */
export interface BestOf {
  readonly mean: number;
  /** The standard deviation of the K (K − 1); undefined for one. */
  readonly sd: number | undefined;
  /** The variance of the mean, over resamples of the N runs that repeat the choice. */
  readonly variance: number;
}

const resamples = 10_000;

/**
 * Averages the best `keep` values. Choosing raises the mean and shrinks the spread, so the variance of the
 * mean comes from 10,000 bootstrap resamples of all values, each with the choice repeated. Throws RangeError
 * if there are fewer values than `keep`.
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
