import type { RunRecord } from '../runs/record.ts';
import { summarise, type Summary } from './statistics.ts';

/** One method on one base and task, over its seeds. */
export interface RowInput {
  readonly task: string;
  readonly model: string;
  readonly variant: string;
  readonly label: string;
  readonly records: readonly RunRecord[];
}

/** A row with its numbers, in printed units (value × scale). */
export interface Row {
  readonly task: string;
  readonly model: string;
  readonly variant: string;
  readonly label: string;
  /** Without the task's head. */
  readonly trainedParameters: number;
  readonly metrics: readonly MetricSummary[];
  readonly planned: number;
  readonly finished: number;
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
}
export interface MetricSummary extends Summary {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
}

/** Puts the records of a row together; failed seeds are counted and named, never averaged. */
export function summariseRow({ records, ...row }: RowInput): Row {
  const finished = records.filter(({ status }) => status === 'finished');
  const infos = finished[0]?.metrics ?? [];
  const metrics = infos.map(({ name, higherIsBetter, scale, decimals }) => {
    const values = finished.map(
      (record) => record.metrics.find((metric) => metric.name === name)!.value * scale,
    );
    return { name, higherIsBetter, decimals, ...summarise(values) };
  });
  return {
    ...row,
    trainedParameters: records[0]!.parameters.trained,
    metrics,
    planned: records.length,
    finished: finished.length,
    failures: records
      .filter(({ status }) => status === 'failed')
      .map(({ settings: { seed }, error }) => ({
        seed,
        reason: error ? `${error.name}: ${error.message}` : 'unknown',
      })),
  };
}

/** The rows as text, a table for each task and base; failed seeds stand below with their reasons. */
export function formatTable(rows: readonly Row[]): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = `${row.task} · ${row.model}`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
  return [...groups].map(([title, group]) => `${title}\n\n${formatGroup(group)}`).join('\n\n');
}

function formatGroup(rows: readonly Row[]): string {
  const metrics = [
    ...new Map(rows.flatMap((row) => row.metrics).map((metric) => [metric.name, metric])).values(),
  ];
  const header = [
    'method',
    'trainable',
    ...metrics.map(({ name, higherIsBetter }) => `${name} ${higherIsBetter ? '↑' : '↓'}`),
    'n',
  ];
  const body = rows.map((row) => [
    row.label,
    row.trainedParameters.toLocaleString('en'),
    ...metrics.map(({ name }) => formatMetric(row.metrics.find((metric) => metric.name === name))),
    row.finished === row.planned ? String(row.planned) : `${row.finished} of ${row.planned}`,
  ]);
  const widths = header.map((_, i) => Math.max(...[header, ...body].map((cells) => cells[i]!.length)));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => (i === 0 ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!)))
      .join('  ')
      .trimEnd();
  const rule = widths.map((width) => '─'.repeat(width)).join('  ');
  const failures = rows.flatMap(({ label, failures }) =>
    failures.map(({ seed, reason }) => `${label}, seed ${seed} failed: ${reason}`),
  );
  return [line(header), rule, ...body.map(line), ...(failures.length ? ['', ...failures] : [])].join('\n');
}

/** `68.20 ± 0.31`; one seed has no spread. */
function formatMetric(metric: MetricSummary | undefined): string {
  if (!metric) return '–';
  const spread = metric.sd === undefined ? '–' : metric.sd.toFixed(metric.decimals);
  return `${metric.mean.toFixed(metric.decimals)} ± ${spread}`;
}
