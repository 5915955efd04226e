/** Pairs the evaluations of two places that asked the same questions, and compares them by measure. */
import { findEvaluations, readSamples, type FoundEvaluation } from '../../records/read-evaluations.ts';
import { UsageError } from '../../support/errors.ts';
import { comparePaired, type PairedDifference } from './compare-evaluations.ts';

/** The comparison of one measure of an evaluation that is in both places. */
export interface EvaluationComparison extends PairedDifference {
  readonly evaluation: string;
  readonly measure: string;
}

/**
 * Compares the evaluations of two records or folders. Throws UsageError if no evaluation is in both, or if
 * the two differ in version, data, protocol, shots or limit.
 */
export async function compareEvaluations(first: string, second: string): Promise<EvaluationComparison[]> {
  const [own, others] = [await findEvaluations(first), await findEvaluations(second)];
  const compared: EvaluationComparison[] = [];
  for (const one of own) {
    const { name } = one.record.settings.evaluation;
    const sameName = others.filter(({ record }) => record.settings.evaluation.name === name);
    const other = sameName.find(({ record }) => askedAlike(one, { record }) === undefined);
    if (!other && sameName.length > 0)
      throw new UsageError(
        `${one.path} and ${sameName[0]!.path} cannot be compared: ${askedAlike(one, sameName[0]!)!}.`,
      );
    if (other) compared.push(...(await compareOne(one, other)));
  }
  if (compared.length > 0) return compared;
  throw new UsageError(`No evaluation is in both ${first} and ${second}.`);
}

/**
 * Gives the first difference between the questions of two evaluations of one name; undefined if they are the
 * same.
 */
function askedAlike(
  { record: { settings: a } }: Pick<FoundEvaluation, 'record'>,
  { record: { settings: b } }: Pick<FoundEvaluation, 'record'>,
): string | undefined {
  const differs = (what: string, own: string | number | null, other: string | number | null): string[] =>
    own === other ? [] : [`their ${what} are ${own ?? 'all'} and ${other ?? 'all'}`];
  const reasons = [
    ...differs('versions', a.evaluation.version, b.evaluation.version),
    ...differs('protocols', a.protocol, b.protocol),
    ...differs('numbers of shots', a.shots, b.shots),
    ...differs('limits', a.limit, b.limit),
    ...differs("data's hashes", a.data.hash.slice(0, 8), b.data.hash.slice(0, 8)),
  ];
  return reasons[0];
}

async function compareOne(one: FoundEvaluation, other: FoundEvaluation): Promise<EvaluationComparison[]> {
  const [own, others] = [await readSamples(one), await readSamples(other)];
  return one.record.metrics.map(({ name: measure }) => ({
    evaluation: one.record.settings.evaluation.name,
    measure,
    ...comparePaired(
      own.map((sample) => Number(sample[measure])),
      others.map((sample) => Number(sample[measure])),
    ),
  }));
}
