/** Accuracy of classes. */
import { sampledPairs } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { checkPairs } from './pairs.ts';

/**
 * The share of predictions that equal their label, in [0, 1]. Throws a RangeError if the counts differ or are
 * 0.
 */
export function accuracy(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === predictions[i]) right++;
  return right / labels.length;
}

/** Accuracy as a task's metric. */
export const accuracyMetric: LabelMetric = {
  name: 'accuracy',
  compute: accuracy,
  resample: sampledPairs((counts, { length: size }) => {
    const right = counts.reduce((sum, count, i) => sum + (i % (size + 1) === 0 ? count : 0), 0);
    return right / sum(counts);
  }),
};
