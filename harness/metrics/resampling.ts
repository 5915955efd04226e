import type { CorpusMetric } from './corpus-metric.ts';
import { sampler } from './bootstrap.ts';

/** A metric of one system on any sample of its examples: `counts[i]` says how often example i is in it. NaN has no meaning. */
export interface SampledMetric {
  (counts: Uint32Array): number;
  /** Of a metric that needs only how many examples are of each kind: the kind of each example, and the metric of those numbers. */
  readonly kinds?: { readonly of: Uint32Array; readonly count: number; score(numbers: Uint32Array): number };
}

/** A metric in printed units. */
export function scaled(metric: SampledMetric, scale: number): SampledMetric {
  const whole = (counts: Uint32Array): number => scale * metric(counts);
  const { kinds } = metric;
  if (!kinds) return whole;
  return Object.assign(whole, {
    kinds: { ...kinds, score: (numbers: Uint32Array) => scale * kinds.score(numbers) },
  });
}

/** A metric of sums, from the row of statistics of each example. */
export function sampledSums(
  { score }: Pick<CorpusMetric, 'score'>,
  rows: readonly Float64Array[],
): SampledMetric {
  const width = rows[0]?.length ?? 0;
  // One array, because reading many small ones takes several times as long.
  const flat = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) flat.set(row, i * width);
  return (counts) => {
    const sum = new Float64Array(width);
    for (let i = 0, at = 0; i < counts.length; i++, at += width) {
      const count = counts[i]!;
      if (count === 0) continue;
      for (let j = 0; j < width; j++) sum[j]! += count * flat[at + j]!;
    }
    return score(sum);
  };
}

/** The mean of the examples' own values. */
export function sampledMean(values: readonly number[]): SampledMetric {
  return sampledSums(
    { score: (sum) => sum[0]! / sum[1]! },
    values.map((value) => Float64Array.of(value, 1)),
  );
}

/** A metric of classes from how often each pair of label and prediction occurs. */
type PairScore = (counts: Uint32Array, classes: readonly number[]) => number;

/** Metrics of classes and values by the names that tasks give them, from labels and predictions of the same examples. */
export const sampledLabels: Readonly<
  Record<string, (labels: readonly number[], predictions: readonly number[]) => SampledMetric>
> = {
  accuracy: (labels, predictions) => sampledPairs(labels, predictions, pairAccuracy),
  F1: (labels, predictions) => sampledPairs(labels, predictions, pairF1),
  Matthews: (labels, predictions) => sampledPairs(labels, predictions, pairMatthews),
  Pearson: sampledPearson,
  Spearman: sampledSpearman,
};

/** Only the counts of pairs change from sample to sample, and counting them is quick. */
function sampledPairs(
  labels: readonly number[],
  predictions: readonly number[],
  score: PairScore,
): SampledMetric {
  const classes = [...new Set([...labels, ...predictions])];
  const place = new Map(classes.map((value, i) => [value, i]));
  const pairs = Uint32Array.from(
    labels,
    (label, i) => place.get(label)! * classes.length + place.get(predictions[i]!)!,
  );
  const kinds = {
    of: pairs,
    count: classes.length ** 2,
    score: (table: Uint32Array) => score(table, classes),
  };
  return Object.assign(
    (counts: Uint32Array) => {
      const table = new Uint32Array(kinds.count);
      for (let i = 0; i < pairs.length; i++) table[pairs[i]!]! += counts[i]!;
      return kinds.score(table);
    },
    { kinds },
  );
}

const pairAccuracy: PairScore = (counts, { length: size }) => {
  const right = counts.reduce((sum, count, i) => sum + (i % (size + 1) === 0 ? count : 0), 0);
  return right / counts.reduce((sum, count) => sum + count, 0);
};

const pairF1: PairScore = (counts, classes) => {
  const size = classes.length;
  const one = classes.indexOf(1);
  let either = 0;
  for (let i = 0; one >= 0 && i < size; i++) either += counts[one * size + i]! + counts[i * size + one]!;
  return either === 0 ? 0 : (2 * counts[one * size + one]!) / either;
};

const pairMatthews: PairScore = (counts, { length: size }) => {
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
};

function sampledPearson(labels: readonly number[], predictions: readonly number[]): SampledMetric {
  const [a, b] = [centred(labels), centred(predictions)];
  return (counts) => correlation(a, b, counts);
}

function sampledSpearman(labels: readonly number[], predictions: readonly number[]): SampledMetric {
  const [a, b] = [ranker(labels), ranker(predictions)];
  return (counts) => correlation(a(counts), b(counts), counts);
}

/** Sums of squares lose less where values lie around 0. */
function centred(values: readonly number[]): Float64Array {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return Float64Array.from(values, (value) => value - mean);
}

/** Pearson's correlation of weighted pairs; NaN where one side is constant. */
function correlation(a: Float64Array, b: Float64Array, counts: Uint32Array): number {
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

/** Ranks of weighted values, the mean rank for equal ones; sorted once for all samples. */
function ranker(values: readonly number[]): (counts: Uint32Array) => Float64Array {
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

/** What one seed's test says of a metric: which examples it has, and the metric on any sample of them. */
export interface SeedTest {
  readonly ids: readonly string[];
  readonly metric: SampledMetric;
}

/** How many resamples are drawn, and of which size where the ids are more than the tests hold. */
export interface ResampleOptions {
  readonly resamples: number;
  /** Size of the set that tests are drawn from by the seed; the ids that occur where absent. */
  readonly population?: number | undefined;
}

/** Tests of the same examples. */
interface TestSet {
  /** Of each example among all ids. */
  readonly places: Uint32Array;
  /** How often each example is in the current resample. */
  readonly counts: Uint32Array;
  readonly tests: number[];
}

/**
 * What tests of the same examples have of a sample where all of them need only numbers of kinds: examples that are of the same
 * kind in every test are counted together, and there are few such patterns. Undefined where a test needs more.
 */
function byPattern(tests: readonly SeedTest[]): ((counts: Uint32Array) => number[]) | undefined {
  const kinds = tests.flatMap(({ metric }) => metric.kinds ?? []);
  if (kinds.length < tests.length) return undefined;
  let patterns: number[][] = [[]];
  let patternOf = new Uint32Array(tests[0]!.ids.length);
  for (const { of, count } of kinds) {
    const places = new Map<number, number>();
    const longer: number[][] = [];
    patternOf = patternOf.map((pattern, i) => {
      const key = pattern * count + of[i]!;
      const place = places.get(key) ?? longer.push([...patterns[pattern]!, of[i]!]) - 1;
      places.set(key, place);
      return place;
    });
    patterns = longer;
  }
  const kindsOf = kinds.map((_, t) => Uint32Array.from(patterns, (pattern) => pattern[t]!));
  const tables = kinds.map(({ count }) => new Uint32Array(count));
  const numbers = new Uint32Array(patterns.length);
  return (counts) => {
    numbers.fill(0);
    for (let i = 0; i < patternOf.length; i++) numbers[patternOf[i]!]! += counts[i]!;
    return kinds.map(({ score }, t) => {
      const [table, own] = [tables[t]!.fill(0), kindsOf[t]!];
      for (let p = 0; p < own.length; p++) table[own[p]!]! += numbers[p]!;
      return score(table);
    });
  };
}

/**
 * A metric of many tests on the same resamples of example ids, by test: each resample draws as many ids as there are, with
 * replacement, and a test's metric uses those that it has, as often as they were drawn. NaN counts as 0, as where it is printed.
 */
export function resampleTests(
  tests: readonly SeedTest[],
  { resamples, population }: ResampleOptions,
): Float64Array[] {
  const places = new Map<string, number>();
  // Methods of one seed share their test set.
  const sets = new Map<string, TestSet>();
  for (const [t, { ids }] of tests.entries()) {
    const key = JSON.stringify(ids);
    const set = sets.get(key) ?? {
      places: Uint32Array.from(ids, (id) => {
        const place = places.get(id) ?? places.size;
        places.set(id, place);
        return place;
      }),
      counts: new Uint32Array(ids.length),
      tests: [],
    };
    set.tests.push(t);
    sets.set(key, set);
  }
  const size = Math.max(places.size, population ?? 0);
  const draw = sampler(0);
  const scores = tests.map(() => new Float64Array(resamples));
  const all = new Uint32Array(size);
  const scored = [...sets.values()].map((set) => {
    const own = set.tests.map((t) => tests[t]!);
    return { ...set, score: byPattern(own) ?? ((counts: Uint32Array) => own.map(({ metric }) => metric(counts))) }; // prettier-ignore
  });
  for (let k = 0; k < resamples; k++) {
    all.fill(0);
    for (let i = 0; i < size; i++) all[draw(size)]!++;
    for (const { places, counts, tests: own, score } of scored) {
      for (let i = 0; i < places.length; i++) counts[i] = all[places[i]!]!;
      for (const [i, value] of score(counts).entries()) {
        scores[own[i]!]![k] = Number.isNaN(value) ? 0 : value;
      }
    }
  }
  return scores;
}
