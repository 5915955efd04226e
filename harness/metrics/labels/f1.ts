/** F1 of two classes. */
import { sampledPairs } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { checkPairs } from './pairs.ts';

/**
 * F1 of label 1, in [0, 1]; 0 if it occurs in neither labels nor predictions, as scikit-learn's f1_score.
 * Throws a RangeError if the counts differ or are 0.
 */
export function f1(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  let both = 0;
  let either = 0;
  for (let i = 0; i < labels.length; i++) {
    const [label, prediction] = [Number(labels[i] === 1), Number(predictions[i] === 1)];
    both += label * prediction;
    either += label + prediction;
  }
  return either === 0 ? 0 : (2 * both) / either;
}

/** F1 as a task's metric. */
export const f1Metric: LabelMetric = {
  name: 'F1',
  compute: f1,
  resample: sampledPairs((counts, classes) => {
    const size = classes.length;
    const one = classes.indexOf(1);
    let either = 0;
    for (let i = 0; one >= 0 && i < size; i++) either += counts[one * size + i]! + counts[i * size + one]!;
    return either === 0 ? 0 : (2 * counts[one * size + one]!) / either;
  }),
};
