/** The mean of the classes' F1. */
import { sampledPairs } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { checkPairs } from './pairs.ts';

/**
 * The mean F1, in [0, 1], of the classes (0, 1, …) that occur in labels or predictions, as scikit-learn's
 * f1_score with average='macro'. A prediction below 0 names no class: it counts as missed, not as a class of
 * its own. Throws a RangeError if the counts differ or are 0.
 */
export function macroF1(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  checkPairs(labels, predictions);
  const counts = new Map<number, { both: number; either: number }>();
  const add = (value: number, both: number): void => {
    const known = counts.get(value) ?? { both: 0, either: 0 };
    counts.set(value, { both: known.both + both, either: known.either + 1 });
  };
  for (let i = 0; i < labels.length; i++) {
    add(labels[i]!, Number(labels[i] === predictions[i]));
    add(predictions[i]!, 0);
  }
  return meanOf(
    [...counts].filter(([value]) => value >= 0).map(([, { both, either }]) => (2 * both) / either),
  );
}

function meanOf(scores: readonly number[]): number {
  return scores.length === 0 ? 0 : scores.reduce((total, score) => total + score, 0) / scores.length;
}

/** The mean of the classes' F1 as a task's metric. */
export const macroF1Metric: LabelMetric = {
  name: 'macro F1',
  compute: macroF1,
  resample: sampledPairs((counts, classes) => {
    const size = classes.length;
    const scores = classes.flatMap((value, at) => {
      let either = 0;
      for (let i = 0; i < size; i++) either += counts[at * size + i]! + counts[i * size + at]!;
      return value < 0 || either === 0 ? [] : [(2 * counts[at * size + at]!) / either];
    });
    return meanOf(scores);
  }),
};
