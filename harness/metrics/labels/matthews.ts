import { checkPairs } from './pairs.ts';

/**
 * Matthews' correlation of any number of classes, in [−1, 1]; 0 where labels or predictions are all the same, as scikit-learn's
 * matthews_corrcoef. Throws a RangeError where the counts differ or are 0.
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
