import { checkPairs } from './pairs.ts';

/**
 * F1 of label 1, in [0, 1]; 0 where neither labels nor predictions hold it, as scikit-learn's f1_score. Throws a RangeError
 * where the counts differ or are 0.
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
