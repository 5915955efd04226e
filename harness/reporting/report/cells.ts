/** The cells of a report's tables as text, before any format. */
import { costText, type CostColumn } from '../tables/cost-columns.ts';
import { markLegend } from '../tables/marks.ts';
import type { Mark, Row } from '../tables/row.ts';
import { countOf, formatMetric, seedLines } from '../tables/format-table.ts';
import type { ReportTable } from './rows.ts';

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
  /** How many of the last rows of the body are standing rows, in grey under a rule; none where absent. */
  readonly standing?: number | undefined;
  /** The meaning of the cells, which captions tell. */
  readonly means: readonly string[];
  /** Seeds that failed, collapsed or diverged, and other notes on the rows. */
  readonly foot: readonly string[];
}

export const boldMeans = markLegend('Bold:', 'underlined:');
export const spreadMeans = 'Mean ± sample standard deviation over n seeds; one seed has none.';

/** Formats the cells of a table, with the columns of costs that are named. */
export function printTable(
  { title, metrics, rows }: ReportTable,
  columns: readonly CostColumn[],
): PrintedTable {
  const notes = new Set(rows.flatMap(({ row }) => row.notes));
  const protocols = new Set(rows.map(({ protocol }) => protocol));
  const counts = columns.filter(({ isCount }) => isCount);
  const measures = columns.filter(({ isCount }) => !isCount);
  const hasPacked = rows.some(({ row }) => row.baseWeights !== 'float32');
  const isMarked = rows.some(({ row }) => row.marks !== undefined);
  return {
    title,
    header: [
      'Method',
      ...(hasPacked ? ['Base weights'] : []),
      ...counts.map(({ header }) => header),
      ...metrics.map(({ name, higherIsBetter }) => `${name} ${higherIsBetter ? '↑' : '↓'}`),
      'n',
      ...measures.map(({ header }) => header),
    ],
    body: rows.map(({ row }) => [
      { text: row.label },
      ...(hasPacked ? [{ text: row.baseWeights }] : []),
      ...counts.map((column) => costCell(column, row)),
      ...metrics.map(({ name }) => ({
        text: formatMetric(row.metrics.find((metric) => metric.name === name)),
        mark: row.marks?.[name],
      })),
      { text: countOf(row) },
      ...measures.map((column) => costCell(column, row)),
    ]),
    standing: rows.filter(({ row }) => row.standing).length,
    means: [spreadMeans, ...(isMarked ? [boldMeans] : [])],
    foot: [
      ...(protocols.size > 1 ? [`Rows ran under different protocols: ${[...protocols].join('; ')}.`] : []),
      ...rows.flatMap(({ row }) => seedLines(row)),
      ...notes,
    ],
  };
}

function costCell(column: CostColumn, { costs }: Row): PrintedCell {
  const value = costs[column.name];
  return { text: costText(column, value), value };
}
