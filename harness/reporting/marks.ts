import { resampleTests, type SeedTest } from '../metrics/resampling.ts';
import { compareMethods, holm, type Comparison } from './comparison.ts';
import type { MetricSummary, Row } from './table.ts';

/** `best`: the best row and all that are not significantly worse (bold). `next`: the best outside that group (underlined). */
export type Mark = 'best' | 'next';

/** A row of a table with what its comparison with others needs. */
export interface ComparedRow {
  readonly row: Row;
  readonly protocol: string;
  /** The test of a metric by seed, in printed units; undefined where predictions are missing. */
  tests(metric: string): Promise<ReadonlyMap<number, ComparedSeed> | undefined>;
}
/** A seed's test, its value, and the size of the set that tests are drawn from by the seed, where they are. */
export interface ComparedSeed extends SeedTest {
  readonly value: number;
  readonly population?: number | undefined;
}

/** The best row of a column against another one. */
export interface RowComparison extends Comparison {
  readonly title: string;
  readonly model: string;
  readonly metric: string;
  readonly best: string;
  readonly other: string;
  /** Holm's over the family of the table. */
  readonly adjustedP: number;
}

export interface TableMarks {
  /** By row, then by metric. */
  readonly marks: ReadonlyMap<Row, ReadonlyMap<string, Mark>>;
  /** The family: for each column and model, the best mean against every other row. */
  readonly comparisons: readonly RowComparison[];
}

export const familyAlpha = 0.05;

/** METEOR is worth its time only a thousand times. */
const resamplesOf = (metric: string): number => (metric.startsWith('METEOR') ? 1_000 : 10_000);

/**
 * Finds what is bold and underlined in a table: rows of the same task, data and model are compared by paired bootstraps over seeds
 * and test examples, all comparisons of the table are one family of Holm's. Nothing is marked where a row has fewer than three
 * seeds, a seed failed, rows ran under different protocols, or predictions are missing or of other examples.
 */
export async function markTable(
  rows: readonly ComparedRow[],
  isPrinted: (task: string, metric: string) => boolean = () => true,
): Promise<TableMarks> {
  const columns: Column[] = [];
  for (const group of groupRows(rows)) {
    if (!comparable(group)) continue;
    const { task, metrics } = group[0]!.row;
    for (const { name, higherIsBetter } of metrics.filter(({ name }) => isPrinted(task, name))) {
      const column = await compareColumn(group, name, higherIsBetter);
      if (column) columns.push(column);
    }
  }
  const adjusted = holm(columns.flatMap(({ others }) => others.map(({ comparison }) => comparison.p)));
  const marks = new Map<Row, Map<string, Mark>>();
  const comparisons: RowComparison[] = [];
  for (const { metric, best, others } of columns) {
    const mark = (row: Row, value: Mark): void => {
      marks.set(row, (marks.get(row) ?? new Map<string, Mark>()).set(metric, value));
    };
    mark(best, 'best');
    let next = true;
    // From the best to the worst mean.
    for (const { row, comparison } of others) {
      const adjustedP = adjusted[comparisons.length]!;
      comparisons.push({
        ...{ title: row.title, model: row.model, metric, best: best.variant, other: row.variant },
        ...{ ...comparison, adjustedP },
      });
      if (adjustedP >= familyAlpha) mark(row, 'best');
      else if (next) {
        mark(row, 'next');
        next = false;
      }
    }
  }
  return { marks, comparisons };
}

interface Column {
  readonly metric: string;
  readonly best: Row;
  /** From the best to the worst mean. */
  readonly others: readonly { readonly row: Row; readonly comparison: Comparison }[];
}

/** Rows of the same task, data and model. */
function groupRows(rows: readonly ComparedRow[]): ComparedRow[][] {
  const groups = new Map<string, ComparedRow[]>();
  for (const compared of rows) {
    const key = JSON.stringify([compared.row.title, compared.row.model]);
    groups.set(key, [...(groups.get(key) ?? []), compared]);
  }
  return [...groups.values()];
}

/** Whether anything may be marked among these rows. */
export function comparable(group: readonly ComparedRow[]): boolean {
  return (
    group.length > 1 &&
    group.every(
      ({ row, protocol }) =>
        row.finished >= 3 && row.finished === row.planned && protocol === group[0]!.protocol,
    )
  );
}

async function compareColumn(
  group: readonly ComparedRow[],
  metric: string,
  higherIsBetter: boolean,
): Promise<Column | undefined> {
  const of = ({ row }: ComparedRow): MetricSummary | undefined =>
    row.metrics.find(({ name }) => name === metric);
  const entries = [];
  for (const compared of group) {
    const [summary, tests] = [of(compared), await compared.tests(metric)];
    if (!summary || !tests) return undefined;
    entries.push({ row: compared.row, mean: summary.mean, tests });
  }
  entries.sort((a, b) => (higherIsBetter ? b.mean - a.mean : a.mean - b.mean));
  const [best, ...others] = entries;
  const flat = entries.flatMap(({ tests }) => [...tests.values()]);
  const population = Math.max(0, ...flat.map((test) => test.population ?? 0));
  const scores = resampleTests(flat, { resamples: resamplesOf(metric), population });
  const resampled = new Map(flat.map((test, i) => [test, scores[i]!]));
  const compared = [];
  for (const { row, tests } of others) {
    const seeds = [...best!.tests.keys()].filter((seed) => tests.has(seed));
    const pairs = seeds.map((seed) => [best!.tests.get(seed)!, tests.get(seed)!] as const);
    if (pairs.length === 0 || !pairs.every(([a, b]) => sameIds(a, b))) return undefined;
    const side = (which: 0 | 1) =>
      pairs.map((pair) => ({ value: pair[which].value, resampled: resampled.get(pair[which])! }));
    compared.push({ row, comparison: compareMethods(side(0), side(1)) });
  }
  return { metric, best: best!.row, others: compared };
}

function sameIds(a: SeedTest, b: SeedTest): boolean {
  const ids = new Set(a.ids);
  return a.ids.length === b.ids.length && b.ids.every((id) => ids.has(id));
}
