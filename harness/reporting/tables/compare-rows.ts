// Makes the rows of tables from runs: records, logs and predictions become means, marks and notes.
import { groupBy } from '../../support/group-by.ts';
import type { Task } from '../../data/examples/task.ts';
import { divergence, type Diverged } from './diverged.ts';
import type { ComparedRow, ComparedSeed, MarkedTable } from './marks.ts';
import type { Row } from './row.ts';
import { costsBeside, readParsed } from '../../records/read-records.ts';
import { medianStepTime } from '../report/steps.ts';
import type { MeasuredRun } from './cost-columns.ts';
import { predictionReader, type SeedPredictions, type TestedRun, type Untested } from './seed-tests.ts';
import { parseSteps } from '../../records/beside/step-log.ts';

/** A run of a table: its cell, its record and the path of the record. */
export interface TableRun extends TestedRun {
  readonly cell: TestedRun['cell'] & {
    readonly model: string;
    readonly variant: { readonly name: string; readonly label: string };
  };
}

/**
 * Makes the rows of a command's runs, with marks and the comparisons behind them. Each task and base is one
 * family of comparisons; a published table, for which `isPrinted` names the metrics, is one family as a
 * whole.
 */
export async function tableRows(
  outcomes: readonly TableRun[],
  isPrinted?: (task: string, metric: string) => boolean,
): Promise<MarkedTable> {
  const { summariseRow } = await import('./row.ts');
  const { markTable } = await import('./marks.ts');
  const { predictionReader } = await import('./seed-tests.ts');
  const read = predictionReader();
  const tables: MarkedTable[] = [];
  const byTask = groupBy(outcomes, ({ cell }) => JSON.stringify([cell.task.name, cell.model]));
  for (const table of isPrinted ? [outcomes] : byTask.values()) {
    const compared: ComparedRow[] = [];
    const byVariant = groupBy(table, ({ cell }) =>
      JSON.stringify([cell.task.name, cell.model, cell.variant.name]),
    );
    for (const group of byVariant.values()) {
      const { task, model, variant } = group[0]!.cell;
      const diverged: Diverged[] = [];
      const measured: MeasuredRun[] = [];
      for (const run of group) {
        const { record } = run;
        const steps = (await readParsed('', run, 'steps', parseSteps)) ?? [];
        const stepTime = medianStepTime(steps, record.training?.resumedFrom);
        measured.push({ record, stepTime, ...(await costsBeside('', run)) });
        const found = record.status === 'finished' && divergence(steps);
        if (found) diverged.push({ seed: record.settings.seed, ...found });
      }
      const row = summariseRow({
        task: task.name,
        model,
        variant: variant.name,
        label: variant.label,
        records: group.map(({ record }) => record),
        measured,
      });
      const finished = group.filter(({ record }) => record.status === 'finished');
      const { protocol } = group[0]!.record.settings;
      compared.push(
        await comparedRow(
          { ...row, ...(diverged.length > 0 && { diverged }) },
          { task, protocol },
          finished,
          read,
        ),
      );
    }
    tables.push(await markTable(compared, isPrinted));
  }
  return {
    rows: tables.flatMap(({ rows }) => rows),
    comparisons: tables.flatMap(({ comparisons }) => comparisons),
  };
}

/** Adds to a row its collapsed seeds and what its comparison with others needs. */
export async function comparedRow(
  row: Row,
  { task, protocol }: { readonly task: Task | undefined; readonly protocol: string },
  finished: readonly TestedRun[],
  read: ReturnType<typeof predictionReader>,
): Promise<ComparedRow> {
  const predictions: (SeedPredictions | undefined)[] = [];
  // One after the other: parsing a file of predictions takes many times its size.
  for (const run of finished) predictions.push(await read(run));
  const collapsed = finished.flatMap(({ record }, i) =>
    predictions[i]?.collapsed && row.standing !== 'no-model' ? record.settings.seed : [],
  );
  return {
    row: { ...row, ...(collapsed.length > 0 && { collapsed }) },
    protocol,
    answers: (metric) => predictions.reduce((sum, own) => sum + (own?.answers(metric) ?? 0), 0),
    resamples: (metric) => task?.metrics.find(({ name }) => name === metric)?.resamples ?? 10_000,
    tests: (metric) => testsOf(metric, finished, predictions),
  };
}

/** The tests of a metric by seed, or why a seed has none. */
async function testsOf(
  metric: string,
  finished: readonly TestedRun[],
  predictions: readonly (SeedPredictions | undefined)[],
): Promise<Map<number, ComparedSeed> | Untested> {
  const tests = new Map<number, ComparedSeed>();
  for (const [i, { record }] of finished.entries()) {
    const test = (await predictions[i]?.test(metric)) ?? 'other-predictions';
    const info = record.metrics.find(({ name }) => name === metric);
    if (typeof test === 'string') return test;
    if (!info) return 'other-predictions';
    const { population } = predictions[i]!;
    tests.set(record.settings.seed, { ...test, value: info.value * info.scale, population });
  }
  return tests;
}
