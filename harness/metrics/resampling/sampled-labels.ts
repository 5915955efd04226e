/**
 * What the sampled metrics of labels are made of: counts of (label, prediction) pairs for classes, weighted
 * correlations for values. The metrics themselves are in metrics/labels/, each beside its plain form.
 */
import { sum } from '../../support/numbers/arithmetic.ts';
import type { LabelledTest, SampledMetric } from './sampled-metric.ts';

/** A metric of classes from the counts [classes × classes] of pairs, labels by row, predictions by column. */
export type PairScore = (counts: Uint32Array, classes: readonly number[]) => number;

/** Makes a metric of a test's classes from the counts of its pairs. */
export function sampledPairs(score: PairScore): (test: LabelledTest) => SampledMetric {
  return (test) => {
    const { of, classes } = pairsOf(test);
    const kinds = {
      of,
      count: classes.length ** 2,
      score: (table: Uint32Array) => score(table, classes),
    };
    const metric = (counts: Uint32Array): number => {
      const table = new Uint32Array(kinds.count);
      for (let i = 0; i < of.length; i++) table[of[i]!]! += counts[i]!;
      return kinds.score(table);
    };
    return Object.assign(metric, { kinds });
  };
}

/** The pair of each example, as label's place × classes + prediction's place. */
interface Pairs {
  readonly of: Uint32Array;
  readonly classes: readonly number[];
}

/** The metrics of one test share their pairs, so that each sample's pairs are counted once. */
const pairsOfTests = new WeakMap<LabelledTest, Pairs>();

function pairsOf(test: LabelledTest): Pairs {
  const known = pairsOfTests.get(test);
  if (known) return known;
  const { labels, predictions } = test;
  const classes = [...new Set([...labels, ...predictions])];
  const place = new Map(classes.map((value, i) => [value, i]));
  const of = Uint32Array.from(
    labels,
    (label, i) => place.get(label)! * classes.length + place.get(predictions[i]!)!,
  );
  const pairs = { of, classes };
  pairsOfTests.set(test, pairs);
  return pairs;
}

/** Values minus their mean: sums of squares lose fewer digits around 0. */
export function centred(values: readonly number[]): Float64Array {
  const mean = sum(values) / values.length;
  return Float64Array.from(values, (value) => value - mean);
}

/**
 * Pearson's correlation of pairs (a[i], b[i]) that occur counts[i] times each; NaN where one side is
 * constant.
 */
export function weightedCorrelation(a: Float64Array, b: Float64Array, counts: Uint32Array): number {
  let [n, sumA, sumB] = [0, 0, 0];
  let first: number | undefined;
  let [constantA, constantB] = [true, true];
  for (let i = 0; i < a.length; i++) {
    const count = counts[i]!;
    if (count === 0) continue;
    first ??= i;
    constantA &&= a[i] === a[first];
    constantB &&= b[i] === b[first];
    n += count;
    sumA += count * a[i]!;
    sumB += count * b[i]!;
  }
  if (constantA || constantB) return NaN;
  const [meanA, meanB] = [sumA / n, sumB / n];
  let [product, squaresA, squaresB] = [0, 0, 0];
  for (let i = 0; i < a.length; i++) {
    const [x, y] = [a[i]! - meanA, b[i]! - meanB];
    product += counts[i]! * x * y;
    squaresA += counts[i]! * x * x;
    squaresB += counts[i]! * y * y;
  }
  return product / Math.sqrt(squaresA * squaresB);
}

/**
 * Ranks values that occur counts[i] times each, equal ones by their mean rank; it sorts once for all samples.
 */
export function ranker(values: readonly number[]): (counts: Uint32Array) => Float64Array {
  const order = values.map((value, i) => ({ value, i })).sort((a, b) => a.value - b.value);
  return (counts) => {
    const ranks = new Float64Array(values.length);
    let below = 0;
    for (let start = 0, end = 0; start < order.length; start = end) {
      let equal = 0;
      while (end < order.length && order[end]!.value === order[start]!.value)
        equal += counts[order[end++]!.i]!;
      for (let k = start; k < end; k++) ranks[order[k]!.i] = below + (equal + 1) / 2;
      below += equal;
    }
    return ranks;
  };
}
