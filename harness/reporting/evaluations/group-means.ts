/** The means of groups of evaluations, as their references take them. `bench eval` prints them. */
import type { Evaluation } from '../../evaluation/evaluation.ts';
import { meanOfParts, pooledMean, type GroupMean, type Mean } from '../../evaluation/measures.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';

/** An evaluation and its record. */
interface Member {
  readonly evaluation: Evaluation;
  readonly record: EvaluationRecord;
}

/**
 * Gives the means of the groups of some evaluations of one subject, for groups with at least two that
 * finished.
 */
export function groupMeans(evaluated: readonly Member[]): GroupMean[] {
  const finished = evaluated.filter(({ record }) => record.status === 'finished');
  const groups = [...new Set(finished.flatMap(({ evaluation }) => evaluation.groups ?? []))];
  return groups.flatMap((name) =>
    meansOf(
      name,
      finished.filter(({ evaluation }) => evaluation.groups?.includes(name)),
    ),
  );
}

/** The means of a group over its members, by measure; none for fewer than two members. */
function meansOf(name: string, members: readonly Member[]): GroupMean[] {
  if (members.length < 2) return [];
  return members[0]!.evaluation.measures.map((measure) => ({
    name,
    measure,
    parts: members.length,
    mean: groupMean(members, measure)!,
  }));
}

/** The mean of a measure over a group's members, as its reference takes it; by default of the first measure. */
export function groupMean(members: readonly Member[], measure?: string): Mean | undefined {
  const [first] = members;
  const name = measure ?? first?.evaluation.measures[0];
  if (!first || name === undefined) return undefined;
  const mean = first.evaluation.groupMean === 'parts' ? meanOfParts : pooledMean;
  return mean(
    members.map(({ record }) => {
      const { value, standardError } = record.metrics.find((metric) => metric.name === name)!;
      return { value, standardError, count: record.documents.used };
    }),
  );
}
