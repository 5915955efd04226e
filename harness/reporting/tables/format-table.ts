import { discrepancies, seedChoice } from '../../papers/red/discrepancies.ts';
import { isSameForEverySeed, type RunRecord } from '../../records/record.ts';
import type { Diverged } from './diverged.ts';
import { layoutTable, wrapText } from './layout-text.ts';
import { markLegend, type Mark, type RowComparison } from './marks.ts';
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
  /** The task and, where they are not its own, its data: `e2e`, `e2e (built-in)`. */
  readonly title: string;
  readonly model: string;
  readonly variant: string;
  /** The method's, with the precision where it is not float32. */
  readonly label: string;
  /** With the task's head where the protocol says so. */
  readonly trainedParameters: number;
  readonly metrics: readonly MetricSummary[];
  readonly planned: number;
  readonly finished: number;
  readonly failures: readonly { readonly seed: number; readonly reason: string }[];
  /** How many of the finished seeds are averaged, the best by the first metric, where the protocol says so. */
  readonly best?: number;
  /** One run stands for every seed, because nothing of it is trained or drawn. */
  readonly everySeed?: true;
  /** Seeds whose predictions are all the same. */
  readonly collapsed?: readonly number[];
  /** Seeds whose training loss ended above where it began. */
  readonly diverged?: readonly Diverged[];
  /** By metric; absent where nothing may be marked. */
  readonly marks?: Readonly<Record<string, Mark>>;
  /** For the table's foot: the precision where it is not float32, what the protocol took from a paper or its code, `<id>=<side>: <what it does>`, and why nothing is marked. */
  readonly notes: readonly string[];
}
export interface MetricSummary extends Summary {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
}

/** Puts the records of a row together; failed seeds are counted and named, never averaged. */
export function summariseRow({ records, ...row }: RowInput): Row {
  const finished = records.filter(({ status }) => status === 'finished');
  const { parameters, published, settings } = records[0]!;
  const keep = keptSeeds(row.task, records[0]!);
  const [averaged, best] =
    keep !== undefined && keep < finished.length ? [bestOf(finished, keep), keep] : [finished];
  const infos = finished[0]?.metrics ?? [];
  const metrics = infos.map(({ name, higherIsBetter, scale, decimals }) => {
    const values = averaged.map(
      (record) => record.metrics.find((metric) => metric.name === name)!.value * scale,
    );
    return { name, higherIsBetter, decimals, ...summarise(values) };
  });
  const { precision } = settings;
  const halved = precision !== 'float32';
  const everySeed = records.length === 1 && isSameForEverySeed(records[0]!);
  const headCounted = published?.sides['head-trained'] === 'corrected';
  return {
    ...row,
    label: halved ? `${row.label} (${precision})` : row.label,
    title: settings.data.form === 'built-in' ? `${row.task} (built-in)` : row.task,
    trainedParameters: parameters.trained + (headCounted ? parameters.head : 0),
    metrics,
    planned: records.length,
    finished: finished.length,
    failures: records
      .filter(({ status }) => status === 'failed')
      .map(({ settings: { seed }, error }) => ({
        seed,
        reason: error ? `${error.name}: ${error.message}` : 'unknown',
      })),
    ...(best !== undefined && { best }),
    ...(everySeed && { everySeed }),
    notes: [
      ...(everySeed ? [`${row.label}: nothing is trained, so that one run stands for every seed`] : []),
      ...(halved ? [`${precision}: the precision of matrix products; all else is float32`] : []),
      ...footnotes(published, settings.protocol),
    ],
  };
}

/** How many of a row's seeds the protocol averages; undefined where all. */
export function keptSeeds(task: string, { published, settings }: RunRecord): number | undefined {
  if (!published) return undefined;
  const run = { task, model: published.base, methods: settings.methods.map(({ name }) => name) };
  return seedChoice(run, (id) => published.sides[id] ?? 'corrected')?.keepBest;
}

/** The records with the best values of the first metric. */
function bestOf(finished: readonly RunRecord[], count: number): RunRecord[] {
  const value = ({ metrics: [first] }: RunRecord): number =>
    first!.higherIsBetter ? first!.value : -first!.value;
  return [...finished].sort((a, b) => value(b) - value(a)).slice(0, count);
}

/** What departs from good practice, or was asked for by name. */
function footnotes(published: RunRecord['published'], protocol: string): string[] {
  return Object.entries(published?.sides ?? {}).flatMap(([id, side]) => {
    const says = discrepancies.find((entry) => entry.id === id)?.says;
    const shown = says !== undefined && (says[side] !== says.corrected || protocol.includes(`${id}=`));
    return shown || id === 'head-trained' ? [`${id}=${side}: ${says![side]}`] : [];
  });
}

/**
 * The rows as text of at most `width` signs a line, a table for each task and base; below stand what the marks mean, seeds that
 * failed, collapsed or diverged, notes, and how the best row differs from the others by the first metric.
 */
export function formatTable(
  rows: readonly Row[],
  comparisons: readonly RowComparison[] = [],
  width = Infinity,
): string {
  const groups = new Map<string, Row[]>();
  for (const row of rows) {
    const title = `${row.title} · ${row.model}`;
    groups.set(title, [...(groups.get(title) ?? []), row]);
  }
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
      return [title, tableText(group, width), ...blocks.filter(Boolean)].join('\n\n');
    })
    .join('\n\n');
}

/** Seeds of a row that failed, answer everything alike or ended worse than they began, a line each. */
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
        `${label}, seed ${seed} diverged: its training loss ended above where it began, at ${number(ended)} after ${number(began)}`,
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
  return `${metric}: ${labelOf(best)} − ${labelOf(other)} = ${signed} (95 % ${range}; p ${probability(p)}, Holm ${probability(adjustedP)}; ${footnote ?? `${n} seeds`})`;
}

/** What stands for bold and underlined on a terminal. */
const signs = { best: '*', next: '+', none: ' ' };

function tableText(rows: readonly Row[], width: number): string {
  const metrics = [
    ...new Map(rows.flatMap((row) => row.metrics).map((metric) => [metric.name, metric])).values(),
  ];
  const anyMark = rows.some(({ marks }) => marks !== undefined);
  const header = [
    'method',
    'trainable',
    ...metrics.map(
      ({ name, higherIsBetter }) => `${name}\u00a0${higherIsBetter ? '↑' : '↓'}${anyMark ? '\u00a0' : ''}`,
    ),
    'n',
  ];
  const body = rows.map((row) => [
    row.label,
    row.trainedParameters.toLocaleString('en'),
    ...metrics.map(({ name }) => {
      const cell = formatMetric(row.metrics.find((metric) => metric.name === name));
      return anyMark ? `${cell}${signs[row.marks?.[name] ?? 'none']}` : cell;
    }),
    countOf(row),
  ]);
  return layoutTable({ header, rows: body, names: 1 }, width);
}

/** `5`, `4 of 5` where some failed, `best 5 of 15` where the protocol chose. */
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
