/**
 * The main-result tables of a report: methods by tasks, or any two of methods, tasks and bases, with the average,
 * the mean rank and the wins over tasks. `bench table` and the report print them.
 */
import { boldMeans, spreadMeans, type PrintedCell, type PrintedTable } from '../report/cells.ts';
import { slugOf, type ReportRow, type ReportTable } from '../report/rows.ts';
import { countOf, formatMetric, seedLines } from '../tables/format-table.ts';
import { standingLast, type Row } from '../tables/row.ts';
import { averageOf, meanRanks, winsOf, type Score, type Scores } from './over-tasks.ts';

/** What a table may have as its rows or its columns; the third makes a table for each of its values. */
export const axes = ['methods', 'tasks', 'models'] as const;
export type Axis = (typeof axes)[number];

/** What tables show; average and rank are over tasks, which are then rows or columns. */
export interface MainChoice {
  readonly rows: Axis;
  readonly columns: Axis;
  readonly average: boolean;
  readonly rank: boolean;
}

/** A main-result table with the name of its file. */
export interface MainTable extends PrintedTable {
  readonly slug: string;
  /** Its value of the third axis: of methods by tasks, the base. */
  readonly of: string;
}

/** A number of the report with its place on each axis. */
interface Entry extends Readonly<Record<Axis, string>> {
  readonly reported: ReportRow;
  readonly metric: ReportTable['metrics'][number] | undefined;
}

/** What is compared: a method, or a base, with its entries in the order of the other axis. */
interface Subject {
  readonly name: string;
  readonly entries: readonly (Entry | undefined)[];
}

/** A line or column of the table: its name, and its cell for each subject. */
interface Field {
  readonly name: string;
  readonly cells: readonly PrintedCell[];
}

const corners: Readonly<Record<Axis, string>> = { methods: 'Method', tasks: 'Task', models: 'Base' };

/** Makes the main-result tables of a report's tables; each task is shown by its first metric. */
export function mainTables(tables: readonly ReportTable[], choice: MainChoice): MainTable[] {
  const entries = tables.flatMap(({ task, model, metrics, rows }) =>
    rows.map((reported): Entry => ({
      methods: reported.row.label,
      tasks: task,
      models: model,
      reported,
      metric: metrics[0],
    })),
  );
  const third = axes.find((axis) => axis !== choice.rows && axis !== choice.columns)!;
  return valuesOf(entries, third).map((value) =>
    mainTable(
      value,
      entries.filter((entry) => entry[third] === value),
      choice,
    ),
  );
}

/** The values of an axis: tasks and bases as they come, methods by their trained parameters. */
function valuesOf(entries: readonly Entry[], axis: Axis): string[] {
  const ordered =
    axis === 'methods'
      ? standingLast(
          entries.toSorted((a, b) => a.reported.row.trainedParameters - b.reported.row.trainedParameters),
          ({ reported }) => reported.row.standing,
        )
      : entries;
  return [...new Set(ordered.map((entry) => entry[axis]))];
}

function mainTable(
  third: string,
  entries: readonly Entry[],
  { rows, columns, average, rank }: MainChoice,
): MainTable {
  const isTurned = rows === 'tasks';
  const [subjectAxis, fieldAxis] = isTurned ? [columns, rows] : [rows, columns];
  const places = valuesOf(entries, fieldAxis);
  const subjects = valuesOf(entries, subjectAxis).map((name): Subject => ({
    name,
    entries: places.map((place) =>
      entries.find((entry) => entry[subjectAxis] === name && entry[fieldAxis] === place),
    ),
  }));
  const scores = subjects.map((subject) => subject.entries.map(scoreOf));
  const ending = fieldAxis === 'tasks' ? commonEnding(places) : '';
  const fields = [
    ...(subjectAxis === 'methods' ? [trainableField(subjects)] : []),
    ...places.map((place, at) => placeField(place.slice(0, place.length - ending.length), at, subjects)),
    ...(average ? [averageField(scores)] : []),
    ...(rank ? rankFields(rankedScores(subjects, scores)) : []),
    countField(subjects),
  ];
  const title = `${corners[rows]}s by ${corners[columns].toLowerCase()}s · ${third}${ending}`;
  const isMarked = entries.some(({ reported }) => reported.row.marks !== undefined);
  return {
    slug: slugOf(`main ${third}${ending}`),
    of: third,
    title,
    ...(subjectAxis === 'methods' && !isTurned && { standing: subjects.filter(standingOf).length }),
    ...(isTurned ? turned(subjects, fields) : upright(corners[rows], subjects, fields)),
    means: [
      spreadMeans,
      ...(isMarked ? [boldMeans, 'The marks of a task are those of its own table.'] : []),
      ...(average ? [averageMeans(scores)] : []),
      ...(rank ? [rankMeans] : []),
    ],
    foot: notesOf(entries, fieldAxis),
  };
}

function upright(
  corner: string,
  subjects: readonly Subject[],
  fields: readonly Field[],
): Pick<PrintedTable, 'header' | 'body'> {
  return {
    header: [corner, ...fields.map(({ name }) => name)],
    body: subjects.map(({ name }, s) => [{ text: name }, ...fields.map(({ cells }) => cells[s]!)]),
  };
}

function turned(
  subjects: readonly Subject[],
  fields: readonly Field[],
): Pick<PrintedTable, 'header' | 'body'> {
  return {
    header: [corners.tasks, ...subjects.map(({ name }) => name)],
    body: fields.map(({ name, cells }) => [{ text: name }, ...cells]),
  };
}

/** What all tasks' names end in, such as ` (built-in)`, which then stands in the title. */
function commonEnding(tasks: readonly string[]): string {
  const endings = new Set(tasks.map((task) => /( \(|, | \[).*$/s.exec(task)?.[0] ?? ''));
  return endings.size === 1 ? [...endings][0]! : '';
}

function scoreOf(entry: Entry | undefined): Score | undefined {
  const found = metricOf(entry);
  if (!entry || !found) return undefined;
  const { row, runs } = entry.reported;
  // Where the protocol averages the best seeds, the seeds of another task are other ones.
  const averaged = row.best === undefined ? runs : [];
  const values = averaged.flatMap(({ record }): [number, number][] => {
    const metric = record.metrics.find(({ name }) => name === found.name);
    const isIn = record.status === 'finished' && metric;
    return isIn ? [[record.settings.seed, metric.value * metric.scale]] : [];
  });
  return { ...found, bySeed: new Map(values) };
}

const metricOf = (entry: Entry | undefined) =>
  entry?.reported.row.metrics.find(({ name }) => name === entry.metric?.name);

/** The column of a task or base: with its metric where that is one for all. */
function placeField(place: string, at: number, subjects: readonly Subject[]): Field {
  const metrics = subjects.flatMap(({ entries }) => entries[at]?.metric ?? []);
  const isOne = new Set(metrics.map(({ name }) => name)).size === 1;
  return {
    name: isOne ? `${place} ${metrics[0]!.name}\u00a0${metrics[0]!.higherIsBetter ? '↑' : '↓'}` : place,
    cells: subjects.map(({ entries }): PrintedCell => {
      const found = metricOf(entries[at]);
      return {
        text: formatMetric(found),
        value: found?.mean,
        mark: found && entries[at]?.reported.row.marks?.[found.name],
      };
    }),
  };
}

function trainableField(subjects: readonly Subject[]): Field {
  return {
    name: 'Trainable',
    cells: subjects.map(({ entries }) => {
      const counts = entries.flatMap((entry) => entry?.reported.row.trainedParameters ?? []);
      return { text: rangeText(counts), value: Math.min(...counts) };
    }),
  };
}

function countField(subjects: readonly Subject[]): Field {
  return {
    name: 'n',
    cells: subjects.map(({ entries }) => {
      const rows = entries.flatMap((entry) => entry?.reported.row ?? []);
      const texts = new Set(rows.map(countOf));
      const finished = rows.map((row) => row.finished);
      return {
        text: texts.size === 1 ? [...texts][0]! : rangeText(finished),
        value: Math.min(...finished),
      };
    }),
  };
}

/** `1,536`, or `1,536–2,048` where tasks differ. */
function rangeText(counts: readonly number[]): string {
  const ends = new Set([Math.min(...counts), Math.max(...counts)]);
  return [...ends].map((end) => end.toLocaleString('en')).join('–');
}

function averageField(scores: readonly Scores[]): Field {
  return {
    name: 'Average',
    cells: scores.map((row) => {
      const average = averageOf(row);
      return { text: formatMetric(average), value: average?.mean };
    }),
  };
}

function averageMeans(scores: readonly Scores[]): string {
  const all = scores.flatMap((row) => row.flatMap((one) => one ?? []));
  return new Set(all.map(({ higherIsBetter }) => higherIsBetter)).size > 1
    ? 'No average: of some tasks the higher number is the better one, of others the lower.'
    : 'Average over all tasks, each with the same weight; a row that lacks a task has none.';
}

/** The scores that ranks and wins are among: answers without a model are no competitors. */
function rankedScores(subjects: readonly Subject[], scores: readonly Scores[]): Scores[] {
  return scores.map((own, at) => (standingOf(subjects[at]!) === 'no-model' ? own.map(() => undefined) : own));
}

const standingOf = ({ entries }: Subject): Row['standing'] =>
  entries.find((entry) => entry !== undefined)?.reported.row.standing;

const rankMeans =
  'Mean rank over tasks, among the rows that have every task; equal means share their ranks. ' +
  'Wins: tasks on which no row has a better mean.';

function rankFields(scores: readonly Scores[]): Field[] {
  const ranks = meanRanks(scores);
  const wins = winsOf(scores);
  return [
    { name: 'Mean rank', cells: ranks.map((rank) => ({ text: rank?.toFixed(2) ?? '–', value: rank })) },
    { name: 'Wins', cells: wins.map((count) => ({ text: String(count), value: count })) },
  ];
}

/** The notes on rows, each with the tasks that it is of unless it is of all. */
function notesOf(entries: readonly Entry[], axis: Axis): string[] {
  const places = new Set(entries.map((entry) => entry[axis]));
  const found = new Map<string, Set<string>>();
  for (const entry of entries) {
    const { row } = entry.reported;
    for (const note of [...seedLines(row), ...row.notes])
      found.set(note, (found.get(note) ?? new Set()).add(entry[axis]));
  }
  return [...found].map(([note, of]) => (of.size === places.size ? note : `${[...of].join(', ')}: ${note}`));
}
