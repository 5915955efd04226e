/** Why a cell is bold: marks the best rows of a table from comparisons over seeds and test examples. */
import { groupBy } from '../../support/group-by.ts';
import { resampleTests, type SeedTest } from '../../metrics/resampling/resample-tests.ts';
import { compareMethods, holm, type Comparison } from './comparison.ts';
import type { Mark, MetricSummary, Row } from './row.ts';
import type { Untested } from './seed-tests.ts';

const familyAlpha = 0.05;

/** The rule of the marks, for the foot of a table that prints them as `best` and `next`. */
export function markLegend(best: string, next: string): string {
  return (
    `${best} the best mean and those after it, down to the first that is significantly worse than the best ` +
    `(paired over seeds and test examples, Holm over the whole table, α = ${familyAlpha}); ` +
    `${next} the one after these. A row with a collapsed seed ends the marks.`
  );
}

/** A row with what its comparison with others needs. */
export interface ComparedRow {
  readonly row: Row;
  readonly protocol: string;
  /** How many answers of its seeds each resample of a metric goes through. */
  answers(metric: string): number;
  /** How many resamples a metric is worth. */
  resamples(metric: string): number;
  /** The test of a metric by seed, in printed units, or why there is none. */
  tests(metric: string): Promise<ReadonlyMap<number, ComparedSeed> | Untested>;
}
/** A seed's test with its value, and the size of the set from which the seed draws the test, if it does. */
export interface ComparedSeed extends SeedTest {
  readonly value: number;
  readonly population?: number | undefined;
}

/** The comparison of a column's best row with another one. */
export interface RowComparison extends Comparison {
  readonly title: string;
  readonly model: string;
  readonly metric: string;
  readonly best: string;
  readonly other: string;
  /** The p value, adjusted by Holm's method over the table. */
  readonly adjustedP: number;
}

export interface MarkedTable {
  /** The rows in the given order with their marks; if nothing is marked, a note says why. */
  readonly rows: readonly Row[];
  /** All comparisons of the table: for each column and model, the best mean with every other row. */
  readonly comparisons: readonly RowComparison[];
}

/** The most answers × resamples of a column; more would take over half a minute and are not compared. */
const mostResampled = 2.5e9;

/**
 * Finds what is bold and underlined in a table. Rows of the same task, data and model are compared by paired
 * bootstraps over seeds and test examples; all comparisons of the table are one family for Holm's method.
 * Nothing is marked if a row has fewer than three seeds (unless one run stands for every seed), a seed
 * failed, rows ran under different protocols, predictions are missing or of other examples, a metric cannot
 * be resampled, or there are too many texts.
 */
export async function markTable(
  rows: readonly ComparedRow[],
  isPrinted: (task: string, metric: string) => boolean = () => true,
): Promise<MarkedTable> {
  const columns: Column[] = [];
  const notes = new Map<Row, readonly string[]>();
  for (const group of groupRows(rows.filter(({ row }) => row.standing !== 'no-model'))) {
    const { task, metrics } = group[0]!.row;
    const asked = metrics.filter(({ name }) => isPrinted(task, name));
    const whyNot = group.length > 1 ? incomparable(group) : undefined;
    const compared = group.length > 1 && whyNot === undefined ? await compareColumns(group, asked) : [];
    const reasons = [
      ...(whyNot === undefined ? [] : [whyNot]),
      ...compared.filter((one) => typeof one === 'string'),
    ];
    for (const { row } of group) {
      notes.set(
        row,
        [...new Set(reasons)].map((reason) => `Nothing is marked as best${reason}.`),
      );
    }
    columns.push(...compared.filter((one) => typeof one === 'object'));
  }
  const adjusted = holm(columns.flatMap(({ others }) => others.map(({ comparison }) => comparison.p)));
  const marks = new Map<Row, Record<string, Mark>>();
  const comparisons: RowComparison[] = [];
  for (const { metric, best, others } of columns) {
    const ranked: RankedRow[] = [{ ...best, isWorse: false }];
    for (const { row, mean, comparison } of others) {
      const adjustedP = adjusted[comparisons.length]!;
      ranked.push({ row, mean, isWorse: adjustedP < familyAlpha });
      comparisons.push({
        title: row.title,
        model: row.model,
        metric,
        best: best.row.variant,
        other: row.variant,
        ...comparison,
        adjustedP,
      });
    }
    const own = markColumn(ranked);
    for (const [row, mark] of own) marks.set(row, { ...marks.get(row), [metric]: mark });
    if (own.size === 0) {
      const why = `Nothing is marked as best of ${metric}: a seed of the best row, ${best.row.label}, collapsed.`;
      for (const { row } of ranked) notes.set(row, [...(notes.get(row) ?? []), why]);
    }
  }
  return {
    comparisons,
    rows: rows.map(({ row }) => {
      const own = marks.get(row);
      return { ...row, notes: [...row.notes, ...(notes.get(row) ?? [])], ...(own && { marks: own }) };
    }),
  };
}

/** A row of a column; columns are sorted from the best to the worst mean. */
export interface RankedRow {
  readonly row: Row;
  readonly mean: number;
  /** Whether it is significantly worse than the best row. */
  readonly isWorse: boolean;
}

/**
 * Marks one column. Bold goes down from the best mean and stops before the first row that is significantly
 * worse or has a collapsed seed. Each comparison uses the spread of its own pair, so a row further down may
 * not be significantly worse; marking it would pass over a better mean. Rows of equal means are treated
 * alike.
 */
export function markColumn(ranked: readonly RankedRow[]): Map<Row, Mark> {
  const isBarred = ({ row }: RankedRow): boolean => (row.collapsed?.length ?? 0) > 0;
  const end = ranked.findIndex((one) => one.isWorse || isBarred(one));
  const stop = ranked[end]?.mean;
  const first = stop === undefined ? ranked.length : ranked.findIndex(({ mean }) => mean === stop);
  const best = ranked.slice(0, first).map(({ row }) => [row, 'best'] as const);
  const after = ranked.filter((one) => best.length > 0 && one.mean === stop && !isBarred(one));
  return new Map([...best, ...after.map(({ row }) => [row, 'next'] as const)]);
}

interface Column {
  readonly metric: string;
  readonly best: { readonly row: Row; readonly mean: number };
  /** The other rows, from the best to the worst mean. */
  readonly others: readonly { readonly row: Row; readonly mean: number; readonly comparison: Comparison }[];
}

/** Groups rows of the same task, data and model. */
function groupRows(rows: readonly ComparedRow[]): ComparedRow[][] {
  return [...groupBy(rows, ({ row }) => JSON.stringify([row.title, row.model])).values()];
}

/** Why nothing may be marked among these rows, as the end of a sentence; undefined if it may. */
function incomparable(group: readonly ComparedRow[]): string | undefined {
  const labels = (rows: readonly ComparedRow[]): string => rows.map(({ row }) => row.label).join(', ');
  const failed = group.filter(({ row }) => row.finished < row.planned);
  if (failed.length > 0) return `, because seeds failed: ${labels(failed)}`;
  const few = group.filter(({ row }) => row.finished < 3 && !row.everySeed);
  if (few.length > 0)
    return few.length === group.length
      ? ': that takes three seeds'
      : `, because of fewer than three seeds: ${labels(few)}`;
  if (group.some(({ protocol }) => protocol !== group[0]!.protocol))
    return ', because rows ran under different protocols';
  return undefined;
}

/** The tests of a metric for one row. */
interface Entry {
  readonly row: Row;
  readonly mean: number;
  readonly tests: ReadonlyMap<number, ComparedSeed>;
}

/** Compares the best row of each metric with the others; a string says why not, as the end of a sentence. */
async function compareColumns(
  group: readonly ComparedRow[],
  metrics: readonly MetricSummary[],
): Promise<(Column | string)[]> {
  const found: (readonly [string, Entry[] | string])[] = [];
  for (const metric of metrics) found.push([metric.name, await entriesOf(group, metric)]);
  const resampled = resampleColumns(
    found.flatMap(([metric, entries]) =>
      typeof entries === 'string' ? [] : [{ resamples: group[0]!.resamples(metric), entries }],
    ),
  );
  return found.map(([metric, entries]) => {
    if (typeof entries === 'string') return entries;
    const [best, ...others] = entries;
    return {
      metric,
      best: best!,
      others: others.map(({ row, mean, tests }) => {
        const seeds = [...best!.tests.keys()].filter((seed) => tests.has(seed)).sort((a, b) => a - b);
        const side = (of: Entry['tests']) =>
          seeds.map((seed) => ({ value: of.get(seed)!.value, resampled: resampled.get(of.get(seed)!)! }));
        return { row, mean, comparison: compareMethods(side(best!.tests), side(tests)) };
      }),
    };
  });
}

/** Resamples every test; metrics with the same examples share the draws. */
function resampleColumns(
  columns: readonly { readonly resamples: number; readonly entries: readonly Entry[] }[],
): Map<ComparedSeed, Float64Array> {
  const batches: {
    readonly resamples: number;
    readonly ids: readonly string[];
    readonly tests: ComparedSeed[];
  }[] = [];
  for (const { resamples, entries } of columns) {
    // Ordered by seed, so that the draws depend neither on which row is best nor on the order of reading.
    const seeds = [...new Set(entries.flatMap(({ tests }) => [...tests.keys()]))].sort((a, b) => a - b);
    const tests = seeds.flatMap((seed) => entries.flatMap(({ tests }) => tests.get(seed) ?? []));
    const { ids } = tests[0]!;
    const batch = batches.find((one) => one.resamples === resamples && one.ids === ids);
    if (batch) batch.tests.push(...tests);
    else batches.push({ resamples, ids, tests });
  }
  const resampled = new Map<ComparedSeed, Float64Array>();
  for (const { resamples, tests } of batches) {
    const population = Math.max(0, ...tests.map((test) => test.population ?? 0));
    const scores = resampleTests(tests, { resamples, population });
    for (const [i, test] of tests.entries()) resampled.set(test, scores[i]!);
  }
  return resampled;
}

/**
 * Sorts the rows of a metric from the best to the worst mean; a string says why they cannot be compared, as
 * the end of a sentence.
 */
async function entriesOf(
  group: readonly ComparedRow[],
  { name, higherIsBetter }: MetricSummary,
): Promise<Entry[] | string> {
  const most = Math.floor(mostResampled / group[0]!.resamples(name));
  const answers = group.reduce((sum, row) => sum + row.answers(name), 0);
  if (answers > most) {
    const [all, limit] = [answers, most].map((count) => count.toLocaleString('en'));
    return ` of ${name}: ${all!} answers are too many to resample (at most ${limit!})`;
  }
  const own: Entry[] = [];
  for (const { row, tests } of group) {
    const summary = row.metrics.find((metric) => metric.name === name);
    if (!summary) return ` of ${name}: ${row.label} has no such number`;
    const found = await tests(name);
    if (found === 'not-resampled') return ` of ${name}: the task does not say how it is resampled`;
    if (found === 'other-predictions')
      return ` of ${name}: the predictions of ${row.label} are missing, or are not those of its records`;
    own.push({ row, mean: summary.mean, tests: found });
  }
  const entries = standForEverySeed(own);
  entries.sort((a, b) => (higherIsBetter ? b.mean - a.mean : a.mean - b.mean));
  const [best, ...others] = entries;
  const fits = ({ tests }: Entry): boolean => {
    const seeds = [...best!.tests.keys()].filter((seed) => tests.has(seed));
    return seeds.length > 0 && seeds.every((seed) => sameIds(best!.tests.get(seed)!, tests.get(seed)!));
  };
  const other = others.find((entry) => !fits(entry));
  if (other)
    return ` of ${name}: ${best!.row.label} and ${other.row.label} were tested on different examples`;
  return entries;
}

/** Gives a row whose single run stands for every seed the seeds of the other rows. */
function standForEverySeed(entries: readonly Entry[]): Entry[] {
  const others = entries.flatMap(({ row, tests }) => (row.everySeed ? [] : [...tests.keys()]));
  const seeds = others.length > 0 ? others : [0];
  return entries.map((entry) => {
    const [only] = entry.tests.values();
    if (!entry.row.everySeed || only === undefined) return entry;
    return { ...entry, tests: new Map(seeds.map((seed) => [seed, only])) };
  });
}

function sameIds(a: SeedTest, b: SeedTest): boolean {
  if (a.ids === b.ids) return true;
  const ids = new Set(a.ids);
  return a.ids.length === b.ids.length && b.ids.every((id) => ids.has(id));
}
