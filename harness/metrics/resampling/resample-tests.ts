/**
 * The bootstrap behind a table's marks: metrics of many tests (methods × seeds) on the same resamples of
 * example ids. Its draws depend on nothing but the number of ids, so that a table is marked alike every time.
 */
import { sampler } from './bootstrap.ts';
import type { SampledMetric } from './sampled-metric.ts';

/** One seed's test of a metric: the ids of its examples, and the metric on any sample of them. */
export interface SeedTest {
  readonly ids: readonly string[];
  readonly metric: SampledMetric;
}

/** The number and the size of resamples. */
export interface ResampleOptions {
  readonly resamples: number;
  /** The size of the set from which the seed draws the tests; the number of ids that occur if absent. */
  readonly population?: number | undefined;
}

/** Tests with the same examples. */
interface TestSet {
  /** The place of each example among all ids. */
  readonly places: Uint32Array;
  readonly tests: number[];
}

/**
 * Tests whose kinds are counted together: the pattern of an example is its kind in each of these tests, and
 * there are few patterns.
 */
interface Block {
  /** The pattern of each example. */
  readonly patternOf: Uint32Array;
  /** The number of a resample's examples with each pattern. */
  readonly numbers: Uint32Array;
  /** For each test: the kind of each pattern, and the number of a resample's examples of each kind. */
  readonly tables: readonly { readonly kindOf: Uint32Array; readonly numbers: Uint32Array }[];
}

type Kinds = NonNullable<SampledMetric['kinds']>;

/** Groups tests into blocks; a block ends before its patterns get too many for counting them to pay. */
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

/** Extends the patterns by one test. */
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

/** Counts a resample's examples by pattern, and from that by each test's kinds. */
function countKinds({ patternOf, numbers, tables }: Block, counts: Uint32Array): void {
  numbers.fill(0);
  for (let i = 0; i < patternOf.length; i++) numbers[patternOf[i]!]! += counts[i]!;
  for (const { kindOf, numbers: table } of tables) {
    table.fill(0);
    for (let p = 0; p < kindOf.length; p++) table[kindOf[p]!]! += numbers[p]!;
  }
}

/** Makes a function that computes all tests' metrics of a sample, in their order. */
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
 * Computes the metric of many tests on the same resamples, [tests][resamples]. A resample draws as many ids
 * as there are, with replacement; a test uses the drawn ids that it contains, as often as they were drawn.
 * NaN counts as 0, as it does in print.
 */
export function resampleTests(
  tests: readonly SeedTest[],
  { resamples, population }: ResampleOptions,
): Float64Array[] {
  const places = new Map<string, number>();
  // Methods of one seed share their test set, and usually the very list of its ids.
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
