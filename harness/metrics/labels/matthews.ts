/** Matthews' correlation of classes. */
import { sampledPairs } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { checkPairs } from './pairs.ts';

/**
 * Matthews' correlation of any number of classes, in [−1, 1]; 0 if labels or predictions are all the same, as
 * scikit-learn's matthews_corrcoef. Throws a RangeError if the counts differ or are 0.
 */
export function matthews(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  const n = labels.length;
  const classes = new Map<number, { labels: number; predictions: number }>();
  const count = (value: number): { labels: number; predictions: number } => {
    const known = classes.get(value) ?? { labels: 0, predictions: 0 };
    classes.set(value, known);
    return known;
  };
  let right = 0;
  for (let i = 0; i < n; i++) {
    count(labels[i]!).labels++;
    count(predictions[i]!).predictions++;
    if (labels[i] === predictions[i]) right++;
  }
  let [cross, labelSquares, predictionSquares] = [0, 0, 0];
  for (const { labels, predictions } of classes.values()) {
    cross += labels * predictions;
    labelSquares += labels ** 2;
    predictionSquares += predictions ** 2;
  }
  const spread = (n ** 2 - labelSquares) * (n ** 2 - predictionSquares);
  return spread === 0 ? 0 : (right * n - cross) / Math.sqrt(spread);
}

/** Matthews' correlation as a task's metric. */
export const matthewsMetric: LabelMetric = {
  name: 'Matthews',
  compute: matthews,
  resample: sampledPairs((counts, { length: size }) => {
    let [n, right, cross, labelSquares, predictionSquares] = [0, 0, 0, 0, 0];
    for (let a = 0; a < size; a++) {
      let [row, column] = [0, 0];
      for (let b = 0; b < size; b++) {
        row += counts[a * size + b]!;
        column += counts[b * size + a]!;
      }
      n += row;
      right += counts[a * size + a]!;
      cross += row * column;
      labelSquares += row ** 2;
      predictionSquares += column ** 2;
    }
    const spread = (n ** 2 - labelSquares) * (n ** 2 - predictionSquares);
    return spread === 0 ? 0 : (right * n - cross) / Math.sqrt(spread);
  }),
};
