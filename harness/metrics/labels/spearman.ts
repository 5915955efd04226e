/** Spearman's rank correlation of values. */
import { ranker, weightedCorrelation } from '../resampling/sampled-labels.ts';
import type { LabelMetric } from './label-metric.ts';
import { pearson } from './pearson.ts';

/** Ranks from 1; equal values get their mean rank. */
function ranks(values: ArrayLike<number>): Float64Array {
  const order = Array.from(values, (value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  const ranks = new Float64Array(order.length);
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && order[end]!.value === order[start]!.value) end++;
    // Places start … end − 1 have the ranks start + 1 … end.
    for (let k = start; k < end; k++) ranks[order[k]!.i] = (start + 1 + end) / 2;
  }
  return ranks;
}

/**
 * Spearman's rank correlation in [−1, 1]; NaN if labels or predictions are constant or not numbers, as
 * scipy's spearmanr. Throws a RangeError if the counts differ or are 0.
 */
export function spearman(labels: ArrayLike<number>, predictions: ArrayLike<number>): number {
  for (const values of [labels, predictions]) {
    if (Array.from(values).some(Number.isNaN)) return NaN;
  }
  return pearson(ranks(labels), ranks(predictions));
}

/** Spearman's rank correlation as a task's metric. */
export const spearmanMetric: LabelMetric = {
  name: 'Spearman',
  compute: spearman,
  resample({ labels, predictions }) {
    const [a, b] = [ranker(labels), ranker(predictions)];
    return (counts) => weightedCorrelation(a(counts), b(counts), counts);
  },
};
