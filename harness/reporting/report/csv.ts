/** The CSV files of a report. */
import { stringify } from 'csv-stringify/sync';
import { validationMetrics } from '../../records/validation.ts';
import { costColumns } from '../tables/cost-columns.ts';
import type { PrintedTable } from './cells.ts';
import type { EvaluationTable } from './evaluations.ts';
import type { Report } from './report.ts';
import type { ReportRun, ReportTable } from './rows.ts';

type Value = string | number | boolean | null | undefined;

/**
 * Writes all records as CSV: one line for each metric of a finished run on the test split and on validation, one
 * without a metric for any other run.
 */
export function recordsCsv({ tables }: Report): string {
  const lines = tables.flatMap((table) =>
    table.rows.flatMap(({ row, runs }) =>
      runs.flatMap((run) => {
        const { path, record } = run;
        const { settings } = record;
        const about = {
          table: table.title,
          path,
          identity: record.identity,
          task: settings.task.name,
          task_version: settings.task.version,
          data: settings.data.name,
          data_form: settings.data.form,
          model: settings.model.id,
          method: record.method.variant,
          label: row.label,
          protocol: settings.protocol,
          seed: settings.seed,
          status: record.status,
          attempt: record.attempt,
          error: record.error && `${record.error.name}: ${record.error.message}`,
        };
        const scores = [
          ...record.metrics.filter(({ split }) => split === 'test'),
          ...validationMetrics(record),
        ];
        const metrics = scores.length > 0 ? scores : [undefined];
        return metrics.map((metric) => ({
          ...about,
          metric: metric?.name,
          split: metric?.split,
          value: metric?.value,
          printed: metric && metric.value * metric.scale,
          higher_is_better: metric?.higherIsBetter,
          ...costsOf(run),
        }));
      }),
    ),
  );
  return toCsv(lines);
}

/** The costs of a run and the machine that it ran on, by column. */
function costsOf({ record, stepTime }: ReportRun): Readonly<Record<string, Value>> {
  const { parameters, training, seconds, code, environment } = record;
  return {
    trained_parameters: parameters.trained,
    head_parameters: parameters.head,
    all_parameters: parameters.all,
    steps: training?.steps,
    best_step: training?.bestStep,
    median_step_ms: stepTime,
    train_seconds: seconds.train,
    generate_seconds: seconds.generate ?? seconds.predict,
    peak_memory_bytes: record.peakMemoryBytes,
    peak_device_bytes: record.peakDeviceBytes,
    engine: record.engine.name,
    device: record.engine.device,
    version: code.version,
    commit: code.commit,
    dirty: code.dirty,
    cpu: environment.cpu,
    started: record.started,
    ended: record.ended,
  };
}

/** Writes one table as CSV: a line a row, numbers in printed units. */
export function tableCsv({ metrics, rows }: ReportTable): string {
  const others = costColumns.filter(({ name }) => name !== 'trainable');
  return toCsv(
    rows.map(({ row }) => ({
      method: row.label,
      variant: row.variant,
      trainable: row.trainedParameters,
      ...Object.fromEntries(
        metrics.flatMap(({ name }): [string, Value][] => {
          const found = row.metrics.find((metric) => metric.name === name);
          return [
            [name, found?.mean],
            [`${name} sd`, found?.sd],
            [`${name} median`, found?.median],
            [`${name} min`, found?.min],
            [`${name} max`, found?.max],
            [`${name} 95 % low`, found?.interval?.[0]],
            [`${name} 95 % high`, found?.interval?.[1]],
            [`${name} mark`, row.marks?.[name]],
          ];
        }),
      ),
      finished: row.finished,
      planned: row.planned,
      ...Object.fromEntries(others.map(({ name }) => [name, row.costs[name]])),
    })),
  );
}

/** Writes a base's evaluations as CSV: a line a model and column, in percent. */
export function evaluationsCsv({ model, columns, rows }: EvaluationTable): string {
  return toCsv(
    rows.flatMap(({ label, cells }) =>
      columns.flatMap((evaluation, i) => {
        const cell = cells[i];
        return cell
          ? [{ base: model, model: label, evaluation, percent: cell.mean, spread: cell.spread }]
          : [];
      }),
    ),
  );
}

/** Writes a printed table as CSV, a line a row, cells as they are printed. */
export function printedCsv({ header, body }: PrintedTable): string {
  return toCsv(
    body.map((cells) =>
      Object.fromEntries(header.map((name, at) => [name, cells[at]!.value ?? cells[at]!.text])),
    ),
  );
}

function toCsv(lines: readonly Readonly<Record<string, Value>>[]): string {
  // Rows are arrays, because csv-stringify reads a dot in an object's key as a path to an inner field.
  const keys = Object.keys(lines[0] ?? {});
  const rows = lines.map((line) => keys.map((key) => line[key]));
  return stringify([keys, ...rows], { cast: { string: inert, boolean: String } });
}

/** Escapes a text that spreadsheets would take for a formula; numbers stay numbers. */
function inert(text: string): string {
  return /^[=+\-@\t\r＝＋－＠]/.test(text) ? `'${text}` : text;
}
