import { checkPairs } from './pairs.ts';

/** The share of predictions equal to their label, in [0, 1]. Throws a RangeError where the counts differ or are 0. */
export function accuracy(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  let right = 0;
  for (let i = 0; i < labels.length; i++) if (labels[i] === predictions[i]) right++;
  return right / labels.length;
}
