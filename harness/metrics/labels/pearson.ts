/** Pearson's correlation of values. */
import { centred, weightedCorrelation } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { checkPairs } from './pairs.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** Deviations from the mean, scaled to length 1; NaN for constant values. */
function standardised(values: ArrayLike<number>): Float64Array {
  const centred = Float64Array.from(values);
  const mean = sum(centred) / centred.length;
  const constant = centred.every((value) => value === centred[0]);
  let squares = 0;
  for (let i = 0; i < centred.length; i++) squares += (centred[i]! -= mean) ** 2;
  const length = constant ? NaN : Math.sqrt(squares);
  return centred.map((value) => value / length);
}

/**
 * Pearson's correlation in [−1, 1]; NaN if labels or predictions are constant, as scipy's pearsonr. Throws a
 * RangeError if the counts differ or are 0.
 */
export function pearson(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  if (labels.length < 2) return NaN;
  const [a, b] = [standardised(labels), standardised(predictions)];
  const product = a.reduce((sum, value, i) => sum + value * b[i]!, 0);
  return Math.max(-1, Math.min(1, product));
}

/** Pearson's correlation as a task's metric. */
export const pearsonMetric: LabelMetric = {
  name: 'Pearson',
  compute: pearson,
  resample({ labels, predictions }) {
    const [a, b] = [centred(labels), centred(predictions)];
    return (counts) => weightedCorrelation(a, b, counts);
  },
};
