/**
 * Evaluations as columns of a table of runs: each with its first measure in percent, groups with their mean,
 * and an average where several are named. `bench run` prints them.
 */
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import type { MetricSummary, Row } from '../tables/row.ts';
import { summarise } from '../tables/statistics.ts';
import { groupMean } from './group-means.ts';

/** What was asked for: an evaluation, or a group with its evaluations; the asked are told apart by `key`. */
export interface Asked {
  readonly name: string;
  readonly isGroup: boolean;
  readonly members: readonly { readonly evaluation: Evaluation; readonly key: string }[];
}

/** The records of what one run trained, by the key of what was asked for. */
export type RunScores = ReadonlyMap<string, EvaluationRecord>;

/** Groups of more evaluations than this are one column, their mean. */
const longestGroup = 12;

/** Adds the columns of evaluations to a row, over the seeds that have them. */
export function withEvaluations(row: Row, asked: readonly Asked[], seeds: readonly RunScores[]): Row {
  const columns = seeds.map((records) => columnsOf(asked, records));
  const names = [...new Set(columns.flatMap((column) => [...column.keys()]))];
  const metrics = names.map((name): MetricSummary => {
    const values = columns.flatMap((column) => column.get(name) ?? []);
    return { name, higherIsBetter: true, decimals: 2, ...summarise(values) };
  });
  return { ...row, metrics: [...row.metrics, ...metrics] };
}

/** The columns of one seed in percent, by name; those of evaluations without a score are left out. */
export function columnsOf(asked: readonly Asked[], records: RunScores): Map<string, number> {
  const columns = new Map<string, number>();
  const wholes: (number | undefined)[] = [];
  const put = (name: string, value: number | undefined): void => {
    if (value !== undefined) columns.set(name, value);
  };
  for (const { name, isGroup, members } of asked) {
    const found = members.flatMap(({ evaluation, key }) => {
      const record = records.get(key);
      return record?.status === 'finished' && record.metrics.length > 0 ? [{ evaluation, record }] : [];
    });
    if (!isGroup) {
      const value = percent(found[0]?.record.metrics[0]?.value);
      put(members[0]!.key, value);
      wholes.push(value);
      continue;
    }
    if (members.length <= longestGroup)
      for (const { evaluation, record } of found)
        put(members.find((one) => one.evaluation === evaluation)!.key, percent(record.metrics[0]!.value));
    const isWhole = found.length === members.length;
    const mean = isWhole ? percent(groupMean(found)?.value) : undefined;
    put(`${name} mean`, mean);
    wholes.push(mean);
  }
  const isAveraged = wholes.length > 1 && wholes.every((value) => value !== undefined);
  if (isAveraged) put('average', wholes.reduce((sum, value) => sum + value, 0) / wholes.length);
  return columns;
}

const percent = (value: number | undefined): number | undefined =>
  value === undefined ? undefined : 100 * value;
