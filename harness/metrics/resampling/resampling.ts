import type { CorpusMetric } from '../text/corpus-metric.ts';
import { sampler } from './bootstrap.ts';
import { sum } from '../../support/arithmetic.ts';

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

/** Labels and predictions of the same examples, as metrics of any sample of them. */
export interface LabelledTest {
  readonly labels: readonly number[];
  readonly predictions: readonly number[];
}

/**
 * Metrics of classes and values by the names that tasks give them, from the labels and predictions of a test; undefined for a name
 * that there is none of. Metrics of one test's classes share their counts.
 */
export function sampledLabels(test: LabelledTest): (name: string) => SampledMetric | undefined {
  let pairs: Pairs | undefined;
  return (name) => {
    if (Object.hasOwn(ofPairs, name)) return sampledPairs((pairs ??= pairsOf(test)), ofPairs[name]!);
    return Object.hasOwn(ofValues, name) ? ofValues[name]!(test) : undefined;
  };
}

/** The pair of label and prediction of each example, as a number below the square of the classes' count. */
interface Pairs {
  readonly of: Uint32Array;
  readonly classes: readonly number[];
}

function pairsOf({ labels, predictions }: LabelledTest): Pairs {
  const classes = [...new Set([...labels, ...predictions])];
  const place = new Map(classes.map((value, i) => [value, i]));
  const of = Uint32Array.from(
    labels,
    (label, i) => place.get(label)! * classes.length + place.get(predictions[i]!)!,
  );
  return { of, classes };
}

/** Only the counts of pairs change from sample to sample, and counting them is quick. */
function sampledPairs({ of, classes }: Pairs, score: PairScore): SampledMetric {
  const kinds = {
    of,
    count: classes.length ** 2,
    score: (table: Uint32Array) => score(table, classes),
  };
  return Object.assign(
    (counts: Uint32Array) => {
      const table = new Uint32Array(kinds.count);
      for (let i = 0; i < of.length; i++) table[of[i]!]! += counts[i]!;
      return kinds.score(table);
    },
    { kinds },
  );
}

const pairAccuracy: PairScore = (counts, { length: size }) => {
  const right = counts.reduce((sum, count, i) => sum + (i % (size + 1) === 0 ? count : 0), 0);
  return right / sum(counts);
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

const ofPairs: Readonly<Record<string, PairScore>> = {
  accuracy: pairAccuracy,
  F1: pairF1,
  Matthews: pairMatthews,
};
const ofValues: Readonly<Record<string, (test: LabelledTest) => SampledMetric>> = {
  Pearson: sampledPearson,
  Spearman: sampledSpearman,
};

function sampledPearson({ labels, predictions }: LabelledTest): SampledMetric {
  const [a, b] = [centred(labels), centred(predictions)];
  return (counts) => correlation(a, b, counts);
}

function sampledSpearman({ labels, predictions }: LabelledTest): SampledMetric {
  const [a, b] = [ranker(labels), ranker(predictions)];
  return (counts) => correlation(a(counts), b(counts), counts);
}

/** Sums of squares lose less where values lie around 0. */
function centred(values: readonly number[]): Float64Array {
  const mean = sum(values) / values.length;
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
  readonly tests: number[];
}

/** Examples that are of the same kind in each of a few tests are counted together: there are few such patterns. */
interface Block {
  /** Of each example. */
  readonly patternOf: Uint32Array;
  /** How many examples of a resample have each pattern. */
  readonly numbers: Uint32Array;
  /** The tests' kinds of each pattern, and what a resample has of each kind. */
  readonly tables: readonly { readonly kindOf: Uint32Array; readonly numbers: Uint32Array }[];
}

type Kinds = NonNullable<SampledMetric['kinds']>;

/** Joins tests' kinds into blocks, each as long as its patterns are few against the examples. */
function blocksOf(all: readonly Kinds[], examples: number): Block[] {
  const most = Math.max(256, Math.floor(examples / 16));
  const blocks: Block[] = [];
  let patterns: number[][] = [[]];
  let patternOf = new Uint32Array(examples);
  let own: Kinds[] = [];
  const close = (): void => {
    const tables = own.map(({ count }, t) => ({
      kindOf: Uint32Array.from(patterns, (pattern) => pattern[t]!),
      numbers: new Uint32Array(count),
    }));
    blocks.push({ patternOf, numbers: new Uint32Array(patterns.length), tables });
  };
  for (const kinds of all) {
    let joined = joinKinds(patterns, patternOf, kinds);
    if (own.length > 0 && joined.patterns.length > most) {
      close();
      own = [];
      joined = joinKinds([[]], new Uint32Array(examples), kinds);
    }
    ({ patterns, patternOf } = joined);
    own.push(kinds);
  }
  close();
  return blocks;
}

/** The patterns with one test more. */
function joinKinds(
  patterns: readonly (readonly number[])[],
  patternOf: Uint32Array,
  { of, count }: Kinds,
): { patterns: number[][]; patternOf: Uint32Array<ArrayBuffer> } {
  const places = new Map<number, number>();
  const longer: number[][] = [];
  const longerOf = Uint32Array.from(patternOf, (pattern, i) => {
    const key = pattern * count + of[i]!;
    const place = places.get(key) ?? longer.push([...patterns[pattern]!, of[i]!]) - 1;
    places.set(key, place);
    return place;
  });
  return { patterns: longer, patternOf: longerOf };
}

/** Counts a resample's examples by pattern, and from these by each test's kinds. */
function countKinds({ patternOf, numbers, tables }: Block, counts: Uint32Array): void {
  numbers.fill(0);
  for (let i = 0; i < patternOf.length; i++) numbers[patternOf[i]!]! += counts[i]!;
  for (const { kindOf, numbers: table } of tables) {
    table.fill(0);
    for (let p = 0; p < kindOf.length; p++) table[kindOf[p]!]! += numbers[p]!;
  }
}

/** The tests' metrics of any sample of their examples, in their order. */
function scorer(metrics: readonly SampledMetric[], examples: number): (counts: Uint32Array) => number[] {
  // Metrics of the same predictions share their kinds.
  const distinct = new Map<Uint32Array, Kinds>();
  for (const { kinds } of metrics) if (kinds) distinct.set(kinds.of, kinds);
  const blocks = distinct.size > 0 ? blocksOf([...distinct.values()], examples) : [];
  const tables = blocks.flatMap((block) => block.tables.map(({ numbers }) => numbers));
  const tableOf = new Map([...distinct.keys()].map((of, i) => [of, tables[i]!]));
  return (counts) => {
    for (const block of blocks) countKinds(block, counts);
    return metrics.map((metric) =>
      metric.kinds ? metric.kinds.score(tableOf.get(metric.kinds.of)!) : metric(counts),
    );
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
  // Methods of one seed share their test set, and mostly the list of its ids.
  const sets = new Map<string, TestSet>();
  const keys = new Map<readonly string[], string>();
  for (const [t, { ids }] of tests.entries()) {
    const key = keys.get(ids) ?? JSON.stringify(ids);
    keys.set(ids, key);
    const set = sets.get(key) ?? {
      places: Uint32Array.from(ids, (id) => {
        const place = places.get(id) ?? places.size;
        places.set(id, place);
        return place;
      }),
      tests: [],
    };
    set.tests.push(t);
    sets.set(key, set);
  }
  const size = Math.max(places.size, population ?? 0);
  const draw = sampler(0);
  const scores = tests.map(() => new Float64Array(resamples));
  const all = new Uint32Array(size);
  const scored = [...sets.values()].map(({ places, tests: own }) => ({
    places,
    tests: own,
    counts: new Uint32Array(places.length),
    score: scorer(
      own.map((t) => tests[t]!.metric),
      places.length,
    ),
  }));
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
