/** The cells of a report's tables as text, before any format. */
import { markLegend } from '../tables/marks.ts';
import type { Mark } from '../tables/row.ts';
import { countOf, formatMetric, seedLines } from '../tables/format-table.ts';
import type { ReportRow, ReportTable } from './rows.ts';

/** A cell of a printed table. */
export interface PrintedCell {
  readonly text: string;
  /** The number that it shows, by which a reader may sort. */
  readonly value?: number | undefined;
  readonly mark?: Mark | undefined;
}

/** A table in the form that Markdown, LaTeX and the page share. */
export interface PrintedTable {
  readonly title: string;
  readonly header: readonly string[];
  readonly body: readonly (readonly PrintedCell[])[];
  /** The meaning of the cells, which captions tell. */
  readonly means: readonly string[];
  /** Seeds that failed, collapsed or diverged, and other notes on the rows. */
  readonly foot: readonly string[];
}

export const boldMeans = markLegend('Bold:', 'underlined:');
export const spreadMeans = 'Mean ± sample standard deviation over n seeds; one seed has none.';

/** Formats the cells of a table; `costs` adds the time of a step and the peak memory. */
export function printTable(
  { title, metrics, rows }: ReportTable,
  { costs }: { costs: boolean },
): PrintedTable {
  const notes = new Set(rows.flatMap(({ row }) => row.notes));
  const protocols = new Set(rows.map(({ protocol }) => protocol));
  const hasDevice = rows.some(({ deviceMemory }) => deviceMemory !== undefined);
  const hasPacked = rows.some(({ row }) => row.baseWeights !== 'float32');
  const isMarked = rows.some(({ row }) => row.marks !== undefined);
  return {
    title,
    header: [
      'Method',
      ...(hasPacked ? ['Base weights'] : []),
      'Trainable',
      ...metrics.map(({ name, higherIsBetter }) => `${name} ${higherIsBetter ? '↑' : '↓'}`),
      'n',
      ...(costs ? ['ms/step', 'Memory, GB', ...(hasDevice ? ['GPU memory, GB'] : [])] : []),
    ],
    body: rows.map((row) => [
      { text: row.row.label },
      ...(hasPacked ? [{ text: row.row.baseWeights }] : []),
      { text: row.row.trainedParameters.toLocaleString('en') },
      ...metrics.map(({ name }) => ({
        text: formatMetric(row.row.metrics.find((metric) => metric.name === name)),
        mark: row.row.marks?.[name],
      })),
      { text: countOf(row.row) },
      ...(costs ? costsOf(row, hasDevice) : []),
    ]),
    means: [spreadMeans, ...(isMarked ? [boldMeans] : [])],
    foot: [
      ...(protocols.size > 1 ? [`Rows ran under different protocols: ${[...protocols].join('; ')}.`] : []),
      ...rows.flatMap(({ row }) => seedLines(row)),
      ...notes,
    ],
  };
}

function costsOf({ stepTime, memory, deviceMemory }: ReportRow, hasDevice: boolean): PrintedCell[] {
  const gigabytes = (bytes: number | undefined): PrintedCell => ({
    text: bytes === undefined ? '–' : (bytes / 1e9).toFixed(2),
  });
  return [
    { text: stepTime === undefined ? '–' : stepTime.toFixed(1) },
    gigabytes(memory),
    ...(hasDevice ? [gigabytes(deviceMemory)] : []),
  ];
}
