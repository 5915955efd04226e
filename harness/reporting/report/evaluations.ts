/** The evaluations of language models in a report: for each base a table, what was evaluated by benchmarks. */
import { groupBy } from '../../support/group-by.ts';
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { Mean } from '../../evaluation/measures.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { baseWeightsText } from '../../models/bases/base-weights.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import { groupMean } from '../evaluations/group-means.ts';
import { averageOf, meanRanks, type Score } from '../main/over-tasks.ts';
import { summarise } from '../tables/statistics.ts';
import type { PrintedTable } from './cells.ts';
import { slugOf, type ReportTable } from './rows.ts';

/** A number in percent: over seeds their mean and deviation, of one model its score and standard error. */
export interface EvaluatedCell {
  readonly mean: number;
  readonly spread: number | null;
}

/** A row: a base as it is, or with what a method trained, over its seeds. */
export interface EvaluatedRow {
  readonly label: string;
  /** The numbers in the order of the columns. */
  readonly cells: readonly (EvaluatedCell | null)[];
  /** The mean rank over the suites; null where the row lacks one, or no other row has all. */
  readonly rank: number | null;
}

/** The evaluations of one base. */
export interface EvaluationTable {
  readonly slug: string;
  readonly title: string;
  readonly model: string;
  /** Evaluations, the means of their groups, then the average over suites where there are several. */
  readonly columns: readonly string[];
  readonly rows: readonly EvaluatedRow[];
}

/** Groups of more evaluations than this are one column, their mean. */
const longestGroup = 12;

/** A column: one evaluation, or the evaluations of a group, which are asked alike. */
interface Column {
  readonly name: string;
  /** Whether averages and ranks are over it: a group, or an evaluation of no group that is shown. */
  readonly isSuite: boolean;
  readonly evaluations: readonly Evaluation[];
  /** How they are asked, as `askedAs` writes it. */
  readonly asked: string;
}

/**
 * Makes the tables of finished evaluations, base by base; those that are judged have no number here. `tables`
 * are those of the report: what a run trained is named after its task, and the seeds of a row are one model.
 */
export function evaluationTables(
  records: readonly EvaluationRecord[],
  evaluations: ReadonlyMap<string, Evaluation>,
  tables: readonly ReportTable[],
): EvaluationTable[] {
  const tasks = tasksByTensors(tables);
  const scored = records
    .filter(({ metrics, settings }) => metrics.length > 0 && evaluations.has(settings.evaluation.name))
    .sort((a, b) => Number(a.settings.trained !== null) - Number(b.settings.trained !== null));
  return [...groupBy(scored, ({ settings }) => settings.model.id)].map(([model, own]) => {
    const columns = columnsOf(own, evaluations);
    const rows = [...groupBy(own, (record) => subjectOf(record, tasks))].map(([label, runs]) => ({
      label,
      cells: columns.map((column) => cellOf(column, runs)),
    }));
    return {
      slug: slugOf(`evaluations ${model}`),
      title: `Evaluations of ${model}`,
      model,
      ...withAverages(columns, rows),
    };
  });
}

/** Adds the average over suites as a last column, and mean ranks, where several suites are asked in one way each. */
function withAverages(
  columns: readonly Column[],
  rows: readonly Omit<EvaluatedRow, 'rank'>[],
): Pick<EvaluationTable, 'columns' | 'rows'> {
  const names = columns.map(({ name }) => name);
  const suites = columns.flatMap(({ isSuite }, at) => (isSuite ? [at] : []));
  const asked = suites.flatMap((at) => columns[at]!.evaluations);
  const isAskedTwice = new Set(asked).size < asked.length;
  if (suites.length < 2 || isAskedTwice)
    return { columns: names, rows: rows.map((row) => ({ ...row, rank: null })) };
  const scores = rows.map(({ cells }) => suites.map((at) => scoreOf(cells[at] ?? null)));
  const ranks = meanRanks(scores);
  const isRanked = ranks.filter((rank) => rank !== undefined).length > 1;
  return {
    columns: [...names, `average (${suites.length})`],
    rows: rows.map(({ label, cells }, i) => {
      const average = averageOf(scores[i]!);
      const cell = average ? { mean: average.mean, spread: null } : null;
      return { label, cells: [...cells, cell], rank: (isRanked ? ranks[i] : undefined) ?? null };
    }),
  };
}

const scoreOf = (cell: EvaluatedCell | null): Score | undefined =>
  cell ? { mean: cell.mean, higherIsBetter: true, decimals: 2, bySeed: new Map() } : undefined;

/** The table in the form that files share. */
export function printEvaluations({ title, columns, rows }: EvaluationTable): PrintedTable {
  const isRanked = rows.some(({ rank }) => rank !== null);
  return {
    title,
    header: ['Model', ...columns, ...(isRanked ? ['Mean rank'] : [])],
    body: rows.map(({ label, cells, rank }) => [
      { text: label },
      ...cells.map((cell) => ({ text: evaluatedText(cell), value: cell?.mean })),
      ...(isRanked ? [{ text: rank?.toFixed(2) ?? '–', value: rank ?? undefined }] : []),
    ]),
    means: [
      'In percent. Over seeds: mean ± sample standard deviation; one model: score ± standard error.',
      ...(isRanked
        ? ['Average and mean rank are over groups and evaluations of no group, of rows that have all.']
        : []),
    ],
    foot: [],
  };
}

/** Writes a number with its spread, a dash where there is none. */
export function evaluatedText(cell: EvaluatedCell | null): string {
  if (!cell) return '–';
  return cell.spread === null ? cell.mean.toFixed(2) : `${cell.mean.toFixed(2)} ± ${cell.spread.toFixed(2)}`;
}

/** The task of each run by the sha256 of the tensors that it trained. */
function tasksByTensors(tables: readonly ReportTable[]): ReadonlyMap<string, string> {
  return new Map(
    tables.flatMap(({ task, rows }) =>
      rows.flatMap(({ runs }) =>
        runs.flatMap(({ record: { files } }): [string, string][] =>
          files.tensors ? [[files.tensors.sha256, task]] : [],
        ),
      ),
    ),
  );
}

/** The name of what was evaluated; adapters of unknown origin are told apart by their hash. */
function subjectOf(
  { label, settings: { baseWeights, precision, trained } }: EvaluationRecord,
  tasks: ReadonlyMap<string, string>,
): string {
  const kept = baseWeightsText(baseWeights);
  const origin = trained === null ? [] : [tasks.get(trained) ?? trained.slice(0, 8)];
  const form = [kept, precision].filter((text) => text !== 'float32');
  return [label, ...origin, ...form].join(', ');
}

/** How an evaluation is asked: everything but what is asked and of whom. */
function askedAs({ settings: { protocol, shots, limit, chatTemplate } }: EvaluationRecord): string {
  const chat = chatTemplate === undefined ? [] : [`chat=${chatTemplate.slice(0, 8)}`];
  return [
    `shots=${shots}`,
    `protocol=${protocol}`,
    ...(limit === null ? [] : [`limit=${limit}`]),
    ...chat,
  ].join();
}

function columnsOf(
  records: readonly EvaluationRecord[],
  evaluations: ReadonlyMap<string, Evaluation>,
): Column[] {
  const single = [
    ...groupBy(records, (one) => canonicalJson([one.settings.evaluation.name, askedAs(one)])),
  ].map(([, [first]]) => ({
    evaluations: [evaluations.get(first!.settings.evaluation.name)!],
    asked: askedAs(first!),
  }));
  const ofGroups = single.flatMap((one) =>
    (one.evaluations[0]!.groups ?? []).map((group) => ({ ...one, group })),
  );
  const groups = [...groupBy(ofGroups, ({ group, asked }) => canonicalJson([group, asked]))]
    .filter(([, members]) => members.length > 1)
    .map(([, members]) => ({
      name: `${members[0]!.group} mean (${members.length})`,
      evaluations: members.flatMap((member) => member.evaluations),
      asked: members[0]!.asked,
    }));
  /** The larger groups that an evaluation or a group is a part of. */
  const largerThan = ({ asked, evaluations: own }: (typeof single)[number]): typeof groups =>
    groups.filter(
      (group) =>
        group.asked === asked &&
        group.evaluations.length > own.length &&
        own.every((one) => group.evaluations.includes(one)),
    );
  const isLong = (one: (typeof single)[number]): boolean =>
    largerThan(one).some((group) => group.evaluations.length > longestGroup);
  const shown = single
    .filter((one) => !isLong(one))
    .map((one) => ({ ...one, name: one.evaluations[0]!.name }));
  const columns = [...shown, ...groups];
  return withSettings(columns.map((one) => ({ ...one, isSuite: largerThan(one).length === 0 })));
}

/** Adds to columns of one name the settings in which they differ. */
function withSettings(columns: readonly Column[]): Column[] {
  return columns.map((column) => {
    const same = columns.filter(({ name }) => name === column.name).map(({ asked }) => asked.split(','));
    const own = column.asked.split(',').filter((setting) => !same.every((other) => other.includes(setting)));
    return own.length === 0 ? column : { ...column, name: `${column.name}~${own.join()}` };
  });
}

function cellOf({ evaluations, asked }: Column, records: readonly EvaluationRecord[]): EvaluatedCell | null {
  const wanted = records.filter((record) => askedAs(record) === asked);
  const means = [...groupBy(wanted, ({ settings }) => String(settings.trained))].flatMap(
    ([, own]): Mean[] => {
      const members = evaluations.flatMap((evaluation) => {
        const record = own.find(({ settings }) => settings.evaluation.name === evaluation.name);
        return record ? [{ evaluation, record }] : [];
      });
      const mean = members.length === evaluations.length ? groupMean(members) : undefined;
      return mean ? [mean] : [];
    },
  );
  const [first] = means;
  if (!first) return null;
  if (means.length === 1) {
    const { value, standardError } = first;
    return { mean: 100 * value, spread: standardError === undefined ? null : 100 * standardError };
  }
  const { mean, sd } = summarise(means.map(({ value }) => 100 * value));
  return { mean, spread: sd ?? null };
}
