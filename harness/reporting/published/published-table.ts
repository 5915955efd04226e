/**
 * A published table with our numbers beside it: joins records to printed rows, judges the cells (verdict.ts)
 * and prints both. `bench reproduce` shows it.
 */
import { discrepancies } from '../../papers/find-discrepancies.ts';
import type { PublishedColumn, PublishedRow, ResultsTable } from '../../papers/published-table.ts';
import { paperModel } from '../../papers/find-recipe.ts';
import { redEvaluations } from '../../papers/red/our-names.ts';
import { redTables } from '../../papers/red/tables.ts';
import type { RunRecord } from '../../records/record.ts';
import type { Diverged } from '../tables/diverged.ts';
import { layoutTable, wrapText } from '../tables/layout-text.ts';
import { markLegend } from '../tables/marks.ts';
import { keptSeeds, type Mark, summariseRow } from '../tables/row.ts';
import { seedLines } from '../tables/format-table.ts';
import {
  evaluationDifferences,
  evaluationScore,
  whyNoScore,
  type ColumnScore,
  type EvaluatedRun,
  type JudgedColumn,
} from './evaluation-scores.ts';
import {
  judgeAverage,
  judgeCell,
  kendallTauB,
  sameParameters,
  tallyVerdicts,
  type Judged,
  type Printed,
  type Tally,
  type Verdict,
} from './verdict.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** Our runs of a printed row on one task. */
export interface OurRuns {
  readonly row: PublishedRow;
  readonly task: string;
  /** The base that was run: a name, a hub id or a folder; undefined if none was. */
  readonly base?: string | undefined;
  /** The records of the seeds that ended, in the order of seeds. */
  readonly records: readonly RunRecord[];
  /** What the column has of each of `records`, where it is an evaluation, or a group, of what they trained. */
  readonly evaluated?: readonly (readonly EvaluatedRun[])[] | undefined;
  readonly planned: number;
  /** The reason why seeds are missing. */
  readonly reason?: string | undefined;
  /** Seeds whose predictions are all the same. */
  readonly collapsed?: readonly number[] | undefined;
  readonly diverged?: readonly Diverged[] | undefined;
  /** The marks by metric. */
  readonly marks?: Readonly<Record<string, Mark>> | undefined;
}

/** A cell: the printed number, ours, their difference and the verdict, in printed units. */
export interface PublishedCell {
  /** The column's key, or `average`. */
  readonly column: string;
  readonly theirs: {
    readonly mean: number | null;
    readonly sd?: number | undefined;
    readonly decimals: number;
  };
  readonly ours?: {
    readonly mean: number;
    readonly sd?: number | undefined;
    /** The number of seeds: `5`, `4 of 5`, `best 5 of 15`. */
    readonly n: string;
    readonly mark?: Mark | undefined;
  };
  readonly verdict: Verdict;
}

export interface PublishedTableRow {
  /** The base as the paper calls it. */
  readonly model: string;
  /** The base that was run instead; absent if it is the paper's. */
  readonly base?: string;
  readonly method: string;
  readonly label: string;
  readonly parameters: {
    readonly theirs?: string | undefined;
    readonly ours?: number | undefined;
    /** Whether both counts are equal after rounding to the printed digits; undefined if one is unknown. */
    readonly same?: boolean | undefined;
  };
  readonly cells: readonly PublishedCell[];
}

/** A published table with our numbers beside it. */
export interface PublishedTable {
  readonly id: string;
  readonly caption: string;
  readonly protocol: string;
  /** True for a rehearsal on the built-in bases, which reproduces nothing. */
  readonly rehearsal: boolean;
  readonly rows: readonly PublishedTableRow[];
  readonly tally: Tally;
  /** Kendall's τ_b between the paper's ranking of methods and ours, for columns with two numbers or more. */
  readonly rankings: readonly {
    readonly model: string;
    readonly column: string;
    readonly tau: number;
    readonly rows: number;
  }[];
  /** Seeds that failed, collapsed or diverged, and what the protocol took from paper or code. */
  readonly notes: readonly string[];
}

/** Puts our runs beside a published table and judges every cell by the rules of verdict.ts. */
export function comparePublished(
  table: ResultsTable,
  runs: readonly OurRuns[],
  about: { readonly protocol: string; readonly rehearsal: boolean },
): PublishedTable {
  const rows = table.rows.map((row) =>
    compareRow(
      table,
      row,
      runs.filter((run) => run.row === row),
    ),
  );
  return {
    id: table.id,
    caption: table.caption,
    ...about,
    rows,
    tally: tallyVerdicts(rows.flatMap(({ cells }) => cells.map(({ verdict }) => verdict))),
    rankings: rankingsOf(table, rows),
    notes: [...new Set(runs.flatMap(notesOf))],
  };
}

function compareRow(table: ResultsTable, row: PublishedRow, runs: readonly OurRuns[]): PublishedTableRow {
  const judged: Judged[] = [];
  const cells = table.columns.map((column, i): PublishedCell => {
    const run = runs.find(({ task }) => task === column.task);
    const printed = printedCell(table, row, i);
    const { cell, judgement } = compareCell(
      table,
      row,
      column,
      printed,
      run,
      printedColumn(table, row.model, i),
    );
    judged.push(judgement);
    return cell;
  });
  if (row.turn !== undefined && row.average !== undefined) cells.push(ratingsCell(table, row, runs));
  else if (row.average !== undefined) cells.push(averageCell(table, row, judged));
  const [record] = runs.flatMap(({ records }) => records);
  const ours = record?.parameters.trained;
  const other = runs
    .map(({ base }) => base)
    .find((base) => base !== undefined && paperModel(base) !== row.model);
  return {
    model: row.model,
    method: row.method,
    cells,
    ...(other !== undefined && { base: other }),
    label: row.turn === undefined ? row.label : `${row.label}, ${row.turn}`,
    parameters: {
      theirs: row.params,
      ours,
      same:
        record && row.params !== undefined && isBase(record, row)
          ? sameParameters(record.parameters.trained, row.params)
          : undefined,
    },
  };
}

function compareCell(
  table: ResultsTable,
  row: PublishedRow,
  column: PublishedColumn,
  printed: Printed,
  run: OurRuns | undefined,
  others: readonly number[],
): { cell: PublishedCell; judgement: Judged } {
  const finished = (run?.records ?? []).filter(({ status }) => status === 'finished');
  const found = scoresOf(run, { metric: column.metric, turn: row.turn });
  const values = found.flatMap((metric) => (metric ? [metric.value * metric.scale] : []));
  const info = found.find((metric) => metric !== undefined);
  const keep = run && finished[0] ? keptSeeds(run.task, finished[0]) : undefined;
  const best =
    keep !== undefined && keep < values.length && info
      ? { keep, higherIsBetter: info.higherIsBetter }
      : undefined;
  const planned = run?.planned ?? 0;
  const failed = (run?.records ?? []).find(({ status }) => status === 'failed');
  const reason =
    run?.reason ??
    (failed?.error && `${failed.error.name}: ${failed.error.message}`) ??
    whyNoScore(run?.evaluated?.flat() ?? []);
  const judgement = judgeCell(
    {
      values,
      planned,
      best,
      reason,
      notComparable: finished[0] && notComparable(table, row, column, finished[0], run?.evaluated?.flat()),
    },
    printed,
    others,
  );
  const all = values.length === planned ? String(planned) : `${values.length} of ${planned}`;
  const { mean, sd } = judgement;
  return {
    judgement,
    cell: {
      column: column.key,
      theirs: { mean: printed.mean, sd: printed.sd, decimals: printed.decimals },
      ...(mean !== undefined && {
        ours: { mean, sd, n: best ? `best ${best.keep} of ${all}` : all, mark: run?.marks?.[column.metric] },
      }),
      verdict: judgement.verdict,
    },
  };
}

/** MT-Bench's average: of all ratings of a turn or of both, not of the categories' means. */
function ratingsCell(table: ResultsTable, row: PublishedRow, runs: readonly OurRuns[]): PublishedCell {
  const { task } = table.columns[0]!;
  const column = { key: 'average', task, metric: 'average' };
  const printed = { mean: row.average!, decimals: table.decimals, runs: 1 };
  const run = runs.find((one) => one.task === task);
  return compareCell(table, row, column, printed, run, averagesOf(table, row.model)).cell;
}

function averageCell(table: ResultsTable, row: PublishedRow, cells: readonly Judged[]): PublishedCell {
  const theirs = { mean: row.average!, decimals: table.decimals };
  const average = judgeAverage({ cells, printed: meanOf(row), column: averagesOf(table, row.model) });
  // If the paper does not print the cells, their mean is unknown, too.
  if (!average) {
    const have = cells.filter(({ mean }) => mean !== undefined).length;
    return {
      column: 'average',
      theirs,
      verdict: { kind: 'not run', reason: `${have} of ${cells.length} cells` },
    };
  }
  return {
    column: 'average',
    theirs,
    verdict: average.verdict,
    ours: { mean: average.mean!, n: `${cells.length} cells` },
  };
}

/** The mean of a row's printed cells, or the printed average if there are no cells. */
function meanOf({ values, average }: PublishedRow): number {
  const known = values.flatMap((value) => value ?? []);
  if (known.length < values.length) return average!;
  return sum(known) / known.length;
}

const averagesOf = ({ rows }: ResultsTable, model: string): number[] =>
  rows.filter((row) => row.model === model && row.average !== undefined).map(meanOf);

/** The printed numbers of one model in a column. */
function printedColumn({ rows }: ResultsTable, model: string, column: number): number[] {
  return rows.filter((row) => row.model === model).flatMap(({ values }) => values[column] ?? []);
}

/**
 * A printed number with its standard deviation, which Tables 14 and 15 print for the same base, method and
 * metric.
 */
function printedCell({ id, columns, decimals }: ResultsTable, row: PublishedRow, column: number): Printed {
  const { model, method } = row;
  const of = (table: string, field: 'values' | 'sds'): number | null | undefined => {
    const other = redTables.find((found) => found.id === `red/table-${table}`)!;
    const place = other.columns.findIndex(({ key }) => key === columns[column]!.key);
    return other.rows.find((found) => found.model === model && found.method === method)?.[field]?.[place];
  };
  const sd = row.quoted ? undefined : (of('14', 'sds') ?? of('15', 'sds') ?? undefined);
  const runs = model.startsWith('roberta') ? 5 : model.startsWith('gpt2') ? 3 : 1;
  // Table 15 repeats the row above (entry ft-top2-table15), so the means are those of Table 2.
  const copied = id === 'red/table-15' && method === 'ft-top2';
  return { mean: (copied ? of('2', 'values') : row.values[column]) ?? null, sd, runs, decimals };
}

/** Why our number is of another experiment than the printed one; undefined if it is of the same. */
function notComparable(
  { id }: ResultsTable,
  row: PublishedRow,
  column: PublishedColumn,
  record: RunRecord,
  evaluated: readonly EvaluatedRun[] | undefined,
): string | undefined {
  const { settings, published, metrics } = record;
  const changed = discrepancies.flatMap(({ id: entry, changes, reproduces }) => {
    const side = published?.sides[entry];
    const differs = side !== undefined && reproduces !== undefined && side !== reproduces;
    return changes?.tables.includes(id) && differs ? [`${entry}=${side} changes the ${changes.what}`] : [];
  });
  const reasons = [
    ...(isBase(record, row) ? [] : [`base ${paperModel(settings.model.id)} in place of ${row.model}`]),
    ...(settings.data.form === 'built-in' ? ['built-in data'] : []),
    ...(settings.limits.examples === null ? [] : ['--limit']),
    ...(settings.limits.steps === null ? [] : ['--max-steps']),
    ...(evaluated || metrics.some(({ name }) => name === column.metric)
      ? []
      : [`${column.metric} without its paraphrase table`]),
    ...evaluationDifferences(evaluated ?? [], redEvaluations[column.task] ?? column.task),
    ...(row.quoted ? ['quoted from prior work'] : []),
    ...changed,
  ];
  return reasons.length > 0 ? [...new Set(reasons)].join('; ') : undefined;
}

const isBase = ({ settings }: RunRecord, { model }: PublishedRow): boolean =>
  paperModel(settings.model.id) === model;

/** The numbers of a run's finished seeds in a column; undefined for those without. */
function scoresOf(run: OurRuns | undefined, column: JudgedColumn): (ColumnScore | undefined)[] {
  const { records = [], evaluated } = run ?? {};
  return records.flatMap((record, i) => {
    if (record.status !== 'finished') return [];
    return [evaluated ? evaluationScore(evaluated[i]!, column) : metricOf(record, column.metric)];
  });
}

/** Finds a metric of a record. METEOR without paraphrases stands in for METEOR and is not compared. */
function metricOf({ metrics }: RunRecord, name: string): RunRecord['metrics'][number] | undefined {
  return (
    metrics.find((metric) => metric.name === name) ??
    metrics.find((metric) => metric.name === `${name} (no paraphrases)`)
  );
}

function rankingsOf(
  { columns, rows }: ResultsTable,
  compared: readonly PublishedTableRow[],
): PublishedTable['rankings'] {
  const models = [...new Set(rows.map(({ model }) => model))];
  return models.flatMap((model) =>
    columns.flatMap(({ key }) => {
      const cells = compared
        .filter((row) => row.model === model)
        .flatMap(({ cells }) =>
          cells.filter(({ column, ours, theirs }) => column === key && ours && theirs.mean !== null),
        );
      const tau = kendallTauB(
        cells.map(({ theirs }) => theirs.mean!),
        cells.map(({ ours }) => ours!.mean),
      );
      return tau === undefined ? [] : [{ model, column: key, tau, rows: cells.length }];
    }),
  );
}

function notesOf({ row, task, records, collapsed, diverged }: OurRuns): string[] {
  const where = `${row.label}, ${task}`;
  if (records.length === 0) return [];
  const { failures, notes } = summariseRow({
    task,
    model: row.model,
    variant: row.method,
    label: row.label,
    records,
  });
  return [...seedLines({ label: where, failures, collapsed, diverged }), ...notes];
}

/**
 * Formats the table in lines of at most `width` characters: theirs, ours, difference and verdict of every
 * row, then reasons and the foot.
 */
export function formatPublished(table: PublishedTable, width = Infinity): string {
  const models = [...new Set(table.rows.map(({ model }) => model))];
  const kind = table.rehearsal ? 'REHEARSAL on built-in bases or data, not a reproduction; ' : '';
  return [
    wrapText(`${table.id}: ${table.caption} (${kind}protocol ${table.protocol})`, width),
    ...models.map((model) => formatModel(table, model, width)),
    ...footOf(table).map((block) =>
      block
        .split('\n')
        .map((line) => wrapText(line, width))
        .join('\n'),
    ),
  ].join('\n\n');
}

function formatModel(table: PublishedTable, model: string, width: number): string {
  const rows = table.rows.filter((row) => row.model === model);
  const bases = [...new Set(rows.flatMap(({ base }) => base ?? []))];
  const title = bases.length > 0 ? `${model} (ours: ${bases.join(', ')})` : model;
  const header = [title, '', 'trainable', ...rows[0]!.cells.map(({ column }) => column)];
  const lines = rows.flatMap((row) => {
    const { theirs, ours, same } = row.parameters;
    return [
      [row.label, 'theirs', theirs ?? '–', ...row.cells.map(({ theirs }) => theirsText(theirs))],
      ['', 'ours', ours?.toLocaleString('en') ?? '–', ...row.cells.map(oursText)],
      ['', 'D (τ)', same === undefined ? '' : same ? 'equal' : 'differs', ...row.cells.map(differenceText)],
      ['', 'verdict', '', ...row.cells.map(({ verdict }) => verdict.kind)],
    ];
  });
  return layoutTable({ header, rows: lines, names: 2 }, width);
}

function theirsText({ mean, sd, decimals }: PublishedCell['theirs']): string {
  if (mean === null) return '–';
  return sd === undefined ? mean.toFixed(decimals) : `${mean.toFixed(decimals)} ± ${sd.toFixed(2)}`;
}

function oursText({ ours, theirs: { decimals } }: PublishedCell): string {
  if (!ours) return '–';
  const spread = ours.sd === undefined ? '' : ` ± ${ours.sd.toFixed(2)}`;
  const mark = ours.mark === undefined ? '' : { best: '*', next: '+' }[ours.mark];
  return `${ours.mean.toFixed(decimals)}${spread}${mark} (${ours.n})`;
}

function differenceText({ verdict, theirs: { decimals } }: PublishedCell): string {
  const difference = 'difference' in verdict ? verdict.difference : undefined;
  if (difference === undefined) return '';
  const text = `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(decimals)}`;
  return 'tolerance' in verdict ? `${text} (${verdict.tolerance.toFixed(decimals)})` : text;
}

function rankingText({ model, column, tau, rows }: PublishedTable['rankings'][number]): string {
  return `${model} ${column} ${tau.toFixed(2)} (${rows} rows)`;
}

function footOf({ rows, tally, rankings, notes }: PublishedTable): string[] {
  const reasons = new Map<string, string[]>();
  for (const { label, cells } of rows) {
    for (const { column, verdict } of cells) {
      if (!('reason' in verdict)) continue;
      const key = `${verdict.kind}: ${verdict.reason}`;
      reasons.set(key, [...(reasons.get(key) ?? []), `${label} ${column}`]);
    }
  }
  const places = (cells: readonly string[]): string =>
    cells.length > 4 ? `${cells.slice(0, 3).join(', ')} and ${cells.length - 3} more` : cells.join(', ');
  const counts = Object.entries(tally.verdicts).map(([kind, count]) => `${count} ${kind}`);
  const chance =
    tally.judged > 0
      ? ` Of ${tally.judged} judged cells chance alone makes ${tally.expectedMisses.toFixed(1)} miss.`
      : '';
  const marked = rows.some(({ cells }) => cells.some(({ ours }) => ours?.mark !== undefined));
  return [
    [
      `Cells: ${counts.join(', ')}.${chance}`,
      ...(rankings.length > 0
        ? [`Kendall's τ_b of the methods' ranking, theirs and ours: ${rankings.map(rankingText).join(', ')}.`]
        : []),
      ...(marked ? [markLegend('*', '+')] : []),
    ].join('\n'),
    ...(reasons.size > 0
      ? [[...reasons].map(([reason, cells]) => `${reason} (${places(cells)})`).join('\n')]
      : []),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ];
}
