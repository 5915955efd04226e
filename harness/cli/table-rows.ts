import type { ComparedRow, ComparedSeed, RowComparison } from '../reporting/marks.ts';
import type { Row } from '../reporting/table.ts';
import type { Outcome } from '../runs/execute.ts';
import type { SeedPredictions } from '../runs/seed-tests.ts';

/** The rows of a table of runs with their marks, and the comparisons that these come from. */
export async function tableRows(
  outcomes: readonly Outcome[],
  isPrinted?: (task: string, metric: string) => boolean,
): Promise<{ rows: Row[]; comparisons: readonly RowComparison[] }> {
  const { summariseRow } = await import('../reporting/table.ts');
  const { markTable } = await import('../reporting/marks.ts');
  const { predictionReader } = await import('../runs/seed-tests.ts');
  const read = predictionReader();
  const compared: ComparedRow[] = [];
  for (const group of groupOutcomes(outcomes)) {
    const { task, model, variant } = group[0]!.cell;
    const finished = group.filter(({ record }) => record.status === 'finished');
    const predictions = await Promise.all(finished.map(read));
    const collapsed = finished
      .filter((_, i) => predictions[i]?.collapsed)
      .map(({ record }) => record.settings.seed);
    const row = {
      ...summariseRow({
        ...{ task: task.name, model, variant: variant.name, label: variant.label },
        records: group.map(({ record }) => record),
      }),
      ...(collapsed.length > 0 && { collapsed }),
    };
    const tests = (metric: string) => testsOf(metric, finished, predictions);
    compared.push({ row, protocol: group[0]!.record.settings.protocol, tests });
  }
  const { marks, comparisons } = await markTable(compared, isPrinted);
  const rows = compared.map(({ row }) => {
    const own = marks.get(row);
    return own ? { ...row, marks: Object.fromEntries(own) } : row;
  });
  return { rows, comparisons };
}

/** Runs of the same task, model and variant. */
function groupOutcomes(outcomes: readonly Outcome[]): Outcome[][] {
  const groups = new Map<string, Outcome[]>();
  for (const outcome of outcomes) {
    const { task, model, variant } = outcome.cell;
    const key = JSON.stringify([task.name, model, variant.name]);
    groups.set(key, [...(groups.get(key) ?? []), outcome]);
  }
  return [...groups.values()];
}

/** A metric's tests by seed; undefined where a seed has none. */
export async function testsOf(
  metric: string,
  finished: readonly Pick<Outcome, 'record'>[],
  predictions: readonly (SeedPredictions | undefined)[],
): Promise<Map<number, ComparedSeed> | undefined> {
  const tests = new Map<number, ComparedSeed>();
  for (const [i, { record }] of finished.entries()) {
    const test = await predictions[i]?.test(metric);
    const info = record.metrics.find(({ name }) => name === metric);
    if (!test || !info) return undefined;
    const { population } = predictions[i]!;
    tests.set(record.settings.seed, { ...test, value: info.value * info.scale, population });
  }
  return tests;
}
