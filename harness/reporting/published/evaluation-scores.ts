/**
 * The numbers of a published table's columns that are evaluations of what runs trained. published-table.ts
 * puts them into cells.
 */
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { groupMean } from '../evaluations/group-means.ts';

/** An evaluation of what a run trained, with its record. */
export interface EvaluatedRun {
  readonly evaluation: Evaluation;
  readonly record: EvaluationRecord;
  readonly path: string;
}

/** A number of a run, as records have it: `value` × `scale` is in printed units. */
export interface ColumnScore {
  readonly value: number;
  readonly scale: number;
  readonly higherIsBetter: boolean;
}

/**
 * The first measure of an evaluation, or of a group the mean that its reference takes; undefined where one of
 * them failed, is missing or has no score.
 */
export function evaluationScore(evaluated: readonly EvaluatedRun[]): ColumnScore | undefined {
  if (evaluated.some(({ record }) => record.metrics.length === 0)) return undefined;
  const mean = groupMean(evaluated);
  return mean && { value: mean.value, scale: 100, higherIsBetter: true };
}

/** Why an evaluation, or one of a group, has no score; undefined where all have. */
export function whyNoScore(evaluated: readonly EvaluatedRun[]): string | undefined {
  for (const { evaluation, record, path } of evaluated) {
    if (record.error) return `${evaluation.name} failed: ${record.error.name}: ${record.error.message}`;
    if (record.files.answers) return `the answers wait for a judge: bench judge ${path}`;
  }
  return undefined;
}

/** In what an evaluation is another than the one that the table prints, which has the name `wanted`. */
export function evaluationDifferences(evaluated: readonly EvaluatedRun[], wanted: string): string[] {
  const [first] = evaluated;
  if (!first) return [];
  const { evaluation, record } = first;
  const isOther = evaluation.name !== wanted && !evaluation.groups?.includes(wanted);
  return [
    ...(isOther ? [`${evaluation.name} in place of ${wanted}`] : []),
    ...(record.settings.data.form === 'built-in' && !isOther ? ['built-in questions'] : []),
    ...(record.settings.limit === null ? [] : ['--limit']),
  ];
}
