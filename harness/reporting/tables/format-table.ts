/** Tables of rows as text for a terminal. */
import { groupBy } from '../../support/group-by.ts';
import { costText, findColumns, type CostColumn } from './cost-columns.ts';
import { fits, layoutTable, wrapText } from './layout-text.ts';
import { markLegend, type RowComparison } from './marks.ts';
import { standingLast, type MetricSummary, type Row } from './row.ts';

/**
 * Formats rows in lines of at most `width` characters, a table for each task and base, with the columns of costs
 * that were asked for; where absent, those that fit beside the metrics. Below stand the
 * meaning of the marks, seeds that failed, collapsed or diverged, notes, and the differences of the best row
 * to the others by the first metric.
 */
export function formatTable(
  rows: readonly Row[],
  comparisons: readonly RowComparison[] = [],
  width = Infinity,
  columns?: readonly CostColumn[],
): string {
  const groups = groupBy(rows, ({ title, model }) => `${title} · ${model}`);
  return [...groups]
    .map(([title, group]) => {
      const { title: task, model, metrics } = group[0]!;
      const first = comparisons.filter(
        (found) => found.title === task && found.model === model && found.metric === metrics[0]?.name,
      );
      const notes = [
        group.some(({ marks }) => marks !== undefined) ? [markLegend(signs.best, signs.next)] : [],
        group.flatMap(seedLines),
        [...new Set(group.flatMap((row) => row.notes))],
        first.map((comparison) => comparisonLine(comparison, group)),
      ];
      const blocks = notes.map((lines) => lines.map((line) => wrapText(line, width)).join('\n'));
      return [title, tableText(group, width, columns), ...blocks.filter(Boolean)].join('\n\n');
    })
    .join('\n\n');
}

/** Lists a row's seeds that failed, collapsed or diverged, one a line. */
export function seedLines({
  label,
  failures,
  collapsed = [],
  diverged = [],
}: Pick<Row, 'label' | 'failures'> & {
  readonly collapsed?: Row['collapsed'] | undefined;
  readonly diverged?: Row['diverged'] | undefined;
}): string[] {
  const number = (value: number): string => String(Number(value.toPrecision(3)));
  return [
    ...failures.map(({ seed, reason }) => `${label}, seed ${seed} failed: ${reason}`),
    ...collapsed.map((seed) => `${label}, seed ${seed} collapsed: all its predictions are the same`),
    ...diverged.map(
      ({ seed, began, ended }) =>
        `${label}, seed ${seed} diverged: its training loss ended above where it began, ` +
        `at ${number(ended)} after ${number(began)}`,
    ),
  ];
}

/** `BLEU: RED − LoRA = +0.43 (95 % −0.12 to 0.98; p .120, Holm .360; 3 seeds)`. */
function comparisonLine(
  { metric, best, other, difference, interval, p, adjustedP, n, footnote }: RowComparison,
  group: readonly Row[],
): string {
  const labelOf = (variant: string) => group.find((row) => row.variant === variant)?.label ?? variant;
  const probability = (p: number) => (p < 0.001 ? '< .001' : p.toFixed(3).replace(/^0/, ''));
  const signed = `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(2)}`;
  const range = interval.map((end) => end.toFixed(2).replace('-', '−')).join(' to ');
  const sample = footnote ?? `${n} seeds`;
  const significance = `p ${probability(p)}, Holm ${probability(adjustedP)}`;
  return (
    `${metric}: ${labelOf(best)} − ${labelOf(other)} = ${signed} ` +
    `(95 % ${range}; ${significance}; ${sample})`
  );
}

/** The signs for bold and underlined on a terminal. */
export const signs = { best: '*', next: '+', none: ' ' };

/** Costs that a table has beside the trainable parameters as far as a wide terminal has room for them. */
const extraColumns = ['train-seconds', 'memory', 'adapter-size'];
/** Terminals of this width, which files and pipes have too, get no extra columns. */
const usualWidth = 80;

function tableText(rows: readonly Row[], width: number, asked?: readonly CostColumn[]): string {
  if (asked) return withColumns(rows, width, asked);
  const names = ['trainable', ...(Number.isFinite(width) && width > usualWidth ? extraColumns : [])];
  for (let count = names.length; count > 1; count--) {
    const text = withColumns(rows, Infinity, findColumns(names.slice(0, count)));
    if (fits(text, width)) return text;
  }
  return withColumns(rows, width, findColumns(['trainable']));
}

/** The table with columns of costs: counts before the metrics, what was measured behind them. */
function withColumns(given: readonly Row[], width: number, columns: readonly CostColumn[]): string {
  const rows = standingLast(given, ({ standing }) => standing);
  const counts = columns.filter(({ isCount }) => isCount);
  const measures = columns.filter(({ isCount }) => !isCount);
  // Names of metrics are as their papers write them; these are words, but for GPU.
  const headerOf = ({ header }: CostColumn): string =>
    header.replace(/^[A-Z](?=[a-z])/, (letter) => letter.toLowerCase());
  const metrics = [
    ...new Map(rows.flatMap((row) => row.metrics).map((metric) => [metric.name, metric])).values(),
  ];
  const anyMark = rows.some(({ marks }) => marks !== undefined);
  const hasPacked = rows.some(({ baseWeights }) => baseWeights !== 'float32');
  const header = [
    'method',
    ...(hasPacked ? ['base weights'] : []),
    ...counts.map(headerOf),
    ...metrics.map(
      ({ name, higherIsBetter }) => `${name}\u00a0${higherIsBetter ? '↑' : '↓'}${anyMark ? '\u00a0' : ''}`,
    ),
    'n',
    ...measures.map(headerOf),
  ];
  const body = rows.map((row) => [
    row.label,
    ...(hasPacked ? [row.baseWeights] : []),
    ...counts.map((column) => costText(column, row.costs[column.name])),
    ...metrics.map(({ name }) => {
      const cell = formatMetric(row.metrics.find((metric) => metric.name === name));
      return anyMark ? `${cell}${signs[row.marks?.[name] ?? 'none']}` : cell;
    }),
    countOf(row),
    ...measures.map((column) => costText(column, row.costs[column.name])),
  ]);
  const standing = rows.filter((row) => row.standing).length;
  return layoutTable({ header, rows: body, names: 1, standing }, width);
}

/** The number of seeds: `5`; `4 of 5` if some failed; `best 5 of 15` if the protocol chose. */
export function countOf({ best, finished, planned }: Row): string {
  const all = finished === planned ? String(planned) : `${finished} of ${planned}`;
  return best === undefined ? all : `best ${best} of ${all}`;
}

/** `68.20 ± 0.31`; one seed has no spread. */
export function formatMetric(metric: Pick<MetricSummary, 'mean' | 'sd' | 'decimals'> | undefined): string {
  if (!metric) return '–';
  const { mean, sd, decimals } = metric;
  return sd === undefined ? mean.toFixed(decimals) : `${mean.toFixed(decimals)} ± ${sd.toFixed(decimals)}`;
}
