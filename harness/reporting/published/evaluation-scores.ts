/**
 * The numbers of a published table's columns that are evaluations of what runs trained. published-table.ts
 * puts them into cells.
 */
import type { Evaluation } from '../../evaluation/evaluation.ts';
import type { JudgementRecord } from '../../records/judgement-record.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { groupMean } from '../evaluations/group-means.ts';

/** An evaluation of what a run trained, with its record. */
export interface EvaluatedRun {
  readonly evaluation: Evaluation;
  readonly record: EvaluationRecord;
  readonly path: string;
  /** Of answers, the judgement that counts. */
  readonly judgement?: JudgementRecord | undefined;
}

/** A column of judged answers: its metric, and the turn that a row of MT-Bench shows. */
export interface JudgedColumn {
  readonly metric: string;
  readonly turn?: string | undefined;
}

/** A number of a run, as records have it: `value` × `scale` is in printed units. */
export interface ColumnScore {
  readonly value: number;
  readonly scale: number;
  readonly higherIsBetter: boolean;
}

/**
 * The first measure of an evaluation, or of a group the mean that its reference takes; undefined where one of
 * them failed, is missing or has no score; of answers what the judge's record has for the column.
 */
export function evaluationScore(
  evaluated: readonly EvaluatedRun[],
  column: JudgedColumn,
): ColumnScore | undefined {
  const [first] = evaluated;
  if (first?.evaluation.kind === 'answers') {
    const name = judgedName(column);
    const metric = first.judgement?.metrics.find((one) => one.name === name);
    return metric && { value: metric.value, scale: 1, higherIsBetter: true };
  }
  if (evaluated.some(({ record }) => record.metrics.length === 0)) return undefined;
  const mean = groupMean(evaluated);
  return mean && { value: mean.value, scale: 100, higherIsBetter: true };
}

/** The metric of a judgement's record that a column prints: of one turn, or of both together. */
function judgedName({ metric, turn = 'final' }: JudgedColumn): string {
  if (metric === 'win rate') return 'win_rate';
  if (turn === 'final') return metric;
  const one = turn.replace('-', ' ');
  return metric === 'average' ? one : `${metric}, ${one}`;
}

/** Why an evaluation, or one of a group, has no score; undefined where all have. */
export function whyNoScore(evaluated: readonly EvaluatedRun[]): string | undefined {
  for (const { evaluation, record, path, judgement } of evaluated) {
    if (record.error) return `${evaluation.name} failed: ${record.error.name}: ${record.error.message}`;
    if (judgement) return `${judgement.settings.judge.model} gave no rating`;
    if (record.files.answers) return `the answers wait for a judge: bench judge ${path}`;
  }
  return undefined;
}

/** In what an evaluation is another than the one that the table prints, which has the name `wanted`. */
export function evaluationDifferences(evaluated: readonly EvaluatedRun[], wanted: string): string[] {
  const [first] = evaluated;
  if (!first) return [];
  const { evaluation, record, judgement } = first;
  const isOther = evaluation.name !== wanted && !evaluation.groups?.includes(wanted);
  return [
    ...(isOther ? [`${evaluation.name} in place of ${wanted}`] : []),
    ...(record.settings.data.form === 'built-in' && !isOther ? ['built-in questions'] : []),
    ...(record.settings.limit === null ? [] : ['--limit']),
    ...(judgement ? judgeDifferences(judgement) : []),
  ];
}

/** The judge of both papers, and the model that AlpacaEval 1.0 compares with. */
const [papersJudge, papersReference] = ['gpt-4', 'text_davinci_003'];

function judgeDifferences({ settings: { judge, against } }: JudgementRecord): string[] {
  return [
    ...(judge.model.startsWith(papersJudge) ? [] : [`judged by ${judge.model} in place of ${papersJudge}`]),
    ...(against && against.model !== papersReference
      ? [`against ${against.model} in place of ${papersReference}`]
      : []),
  ];
}
