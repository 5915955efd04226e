/** The data of a report's page, which its scripts and the PNG charts read. */
import type { RunRecord } from '../../records/record.ts';
import { costColumns } from '../tables/cost-columns.ts';
import { countOf, formatMetric } from '../tables/format-table.ts';
import { pageJudgements, type PageJudgement } from '../judged/page-judgements.ts';
import { printTable } from './cells.ts';
import type { PredictionRow } from './predictions.ts';
import { summaryLine, type Report } from './report.ts';
import type { ReportRow, ReportRun, ReportTable } from './rows.ts';

/** The data of the page and the charts. It is JSON, so null stands for missing values. */
export interface PageData {
  readonly summary: string;
  /** Methods by tasks, for each base of several tasks. */
  readonly main: Report['main'];
  readonly tables: readonly PageTable[];
  readonly published: Report['published'];
  readonly evaluations: Report['evaluations'];
  readonly judged: readonly PageJudgement[];
  /** Engines, code versions and machines; runs refer to them by index. */
  readonly places: readonly Place[];
  readonly untrusted: Report['untrusted'];
  /** The two columns of the picture of any two, by their names, as they are chosen at first. */
  readonly axes?: Axes | undefined;
  /** The most points of a learning curve, and examples of predictions, in the page. */
  readonly limits: { readonly points: number; readonly examples: number };
}
/** Names of columns: a metric's, or a cost's as `--columns` takes it. */
export interface Axes {
  readonly across: string;
  readonly up: string;
}
export type Place = Pick<RunRecord, 'engine' | 'code' | 'environment'>;

export interface PageTable {
  readonly title: string;
  /** The title without the base. */
  readonly task: string;
  readonly model: string;
  readonly metrics: readonly PageMetric[];
  /** The costs that a row of it has. */
  readonly costs: readonly PageCost[];
  readonly rows: readonly PageRow[];
  readonly foot: readonly string[];
  readonly examples: readonly PageExample[];
  /** How many examples rows learnt from, where that was varied for a method. */
  readonly lowData?: readonly LowData[] | undefined;
  /** Trials of tuning. */
  readonly trials?: ReportTable['trials'];
}
/** A row of a method that was trained on several numbers of examples. */
export interface LowData {
  readonly method: string;
  /** The row's place in the table. */
  readonly row: number;
  readonly examples: number;
}
export interface PageMetric {
  readonly name: string;
  readonly higherIsBetter: boolean;
  readonly decimals: number;
}
export interface PageCost extends PageMetric {
  readonly header: string;
}
export interface PageRow {
  readonly label: string;
  readonly variant: string;
  /** Whether it is a standing row, in grey under a rule. */
  readonly isStanding: boolean;
  readonly trained: number;
  /** The number of seeds: `5`, `4 of 5`. */
  readonly count: string;
  /** The numbers in the order of the table's metrics, in printed units. */
  readonly cells: readonly (PageCell | null)[];
  /** Median milliseconds of a step. */
  readonly stepTime: number | null;
  /** Peak memory in gigabytes. */
  readonly memory: number | null;
  /** Medians of the costs by their names. */
  readonly costs: Readonly<Record<string, number>>;
  /** The settings of all its runs, without the seed. */
  readonly settings: object;
  readonly runs: readonly PageRun[];
}
export interface PageCell {
  readonly mean: number;
  readonly sd: number | null;
  readonly interval: readonly [number, number] | null;
  readonly text: string;
  readonly mark: 'best' | 'next' | null;
}
export interface PageRun {
  readonly path: string;
  readonly seed: number;
  readonly status: 'finished' | 'failed';
  readonly error: string | null;
  /** The numbers in the order of the row's cells. */
  readonly values: readonly (number | null)[];
  readonly stepTime: number | null;
  readonly memory: number;
  /** Points of (step, training loss), and of (step, validation loss). */
  readonly losses: readonly Point[];
  readonly evaluations: readonly Point[];
  readonly place: number;
  /** The other fields of the record. */
  readonly more: object;
}
export type Point = readonly [number, number];

/** A test example with every row's answer; null if a row has none. */
export interface PageExample {
  readonly id: string;
  readonly input: string | null;
  readonly references: readonly string[];
  readonly answers: readonly (PageAnswer | null)[];
}
export interface PageAnswer {
  readonly text: string;
  readonly scores: Readonly<Record<string, number>>;
}

/** The length in characters to which texts of predictions are cut. */
const longestText = 1500;

/** Converts a report into the data of its page. */
export function pageData(
  report: Report,
  predictions: ReadonlyMap<ReportRow, readonly PredictionRow[]>,
  limits: PageData['limits'],
): PageData {
  const places = new Map<string, { at: number; place: Place }>();
  const placeOf = ({ engine, code, environment }: RunRecord): number => {
    const place = { engine, code, environment };
    const key = JSON.stringify(place);
    const { at } = places.get(key) ?? { at: places.size };
    if (at === places.size) places.set(key, { at, place });
    return at;
  };
  const tables = report.tables.map((table): PageTable => {
    const { means, foot } = printTable(table, []);
    return {
      title: table.title,
      task: table.task,
      model: table.model,
      metrics: table.metrics.map(({ name, higherIsBetter, decimals }) => ({
        name,
        higherIsBetter,
        decimals,
      })),
      costs: costColumns
        .filter(({ name }) => table.rows.some(({ row }) => row.costs[name] !== undefined))
        .map(({ name, header, decimals, higherIsBetter = false }) => ({
          name,
          header,
          decimals,
          higherIsBetter,
        })),
      rows: rowsOf(table, placeOf),
      foot: [...means, ...foot],
      examples: examplesOf(
        table.rows.map((one) => predictions.get(one) ?? []),
        limits.examples,
      ),
      lowData: lowDataOf(table),
      trials: table.trials,
    };
  });
  return {
    summary: summaryLine(report),
    main: report.main,
    tables,
    published: report.published,
    evaluations: report.evaluations,
    judged: pageJudgements(report.judged, limits.examples, cut),
    places: [...places.values()].map(({ place }) => place),
    untrusted: report.untrusted,
    limits,
  };
}

/** The rows of methods whose number of training examples was varied; undefined where there are none. */
function lowDataOf({ rows }: ReportTable): LowData[] | undefined {
  const all = rows.flatMap(({ row, runs }, at): LowData[] => {
    const run = runs.find(({ record }) => record.examples);
    const examples = run?.record.examples!.train.used;
    if (examples === undefined) return [];
    return [{ method: row.label.replace(/, trainExamples=\d+/, ''), row: at, examples }];
  });
  const varied = all.filter((one) =>
    all.some((other) => other.method === one.method && other.examples !== one.examples),
  );
  return varied.length > 0 ? varied : undefined;
}

function rowsOf(table: ReportTable, placeOf: (record: RunRecord) => number): PageRow[] {
  return table.rows.map(({ row, runs }) => ({
    label: row.label,
    variant: row.variant,
    isStanding: row.standing !== undefined,
    trained: row.trainedParameters,
    count: countOf(row),
    cells: table.metrics.map(({ name }) => {
      const found = row.metrics.find((metric) => metric.name === name);
      if (!found) return null;
      return {
        mean: found.mean,
        sd: found.sd ?? null,
        interval: found.interval ?? null,
        text: formatMetric(found),
        mark: row.marks?.[name] ?? null,
      };
    }),
    stepTime: row.costs['step-time'] ?? null,
    memory: row.costs.memory ?? null,
    costs: Object.fromEntries(
      Object.entries(row.costs).flatMap(([name, cost]) =>
        cost === undefined ? [] : [[name, short(cost, 5)]],
      ),
    ),
    settings: { ...runs[0]!.record.settings, seed: undefined },
    runs: runs.map((run) => runOf(run, table, placeOf)),
  }));
}

function runOf(
  { path, record, stepTime, losses }: ReportRun,
  { metrics }: ReportTable,
  placeOf: (record: RunRecord) => number,
): PageRun {
  const { training, error, settings } = record;
  const { identity, attempt, started, ended, published, examples, parameters, seconds, tokensPerSecond } =
    record;
  const { evaluations = [], ...trained } = training ?? {};
  return {
    path,
    seed: settings.seed,
    status: record.status,
    error: error ? `${error.name}: ${error.message}` : null,
    values: metrics.map(({ name }) => {
      const found = record.metrics.find((metric) => metric.name === name);
      return found ? short(found.value * found.scale, 7) : null;
    }),
    stepTime: stepTime === undefined ? null : short(stepTime, 5),
    memory: record.peakMemoryBytes / 1e9,
    losses: (losses ?? []).map(([step, loss]): Point => [step, short(loss, 4)]),
    evaluations: evaluations.flatMap(({ step, loss }): Point[] =>
      loss === null ? [] : [[step, short(loss, 4)]],
    ),
    place: placeOf(record),
    more: {
      identity,
      attempt,
      started,
      ended,
      published,
      examples,
      parameters,
      training: trained,
      seconds,
      tokensPerSecond,
    },
  };
}

/** Rounds a number to some significant digits, which makes the page smaller. */
function short(value: number, digits: number): number {
  return Number(value.toPrecision(digits));
}

/** Collects the examples with all answers: those first that some rows have right and others not, as far as they fit. */
function examplesOf(rows: readonly (readonly PredictionRow[])[], most: number): PageExample[] {
  const byId = rows.map((row) => new Map(row.map((answer) => [answer.id, answer])));
  const all = [...new Set(byId.flatMap((answers) => [...answers.keys()]))];
  const isDisputed = (id: string): boolean => {
    const given = byId.flatMap((answers) => answers.get(id) ?? []);
    const right = given.filter(({ text, references }) => references.includes(text)).length;
    return right > 0 && right < given.length;
  };
  const disputed = all.filter(isDisputed).slice(0, most);
  const chosen = new Set([...disputed, ...all.slice(0, most)]);
  const ids = [...chosen].slice(0, most);
  return ids.map((id) => {
    const answers = byId.map((answers) => answers.get(id));
    const { input, references } = answers.find((answer) => answer !== undefined)!;
    return {
      id,
      input: input === undefined ? null : cut(input),
      references: references.map(cut),
      answers: answers.map((answer) => (answer ? { text: cut(answer.text), scores: answer.scores } : null)),
    };
  });
}

function cut(text: string): string {
  return text.length > longestText ? `${text.slice(0, longestText)} … (cut)` : text;
}
