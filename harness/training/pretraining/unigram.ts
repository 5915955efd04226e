import { NOTHING } from './draw.ts';
import type { Row } from './objective.ts';
import { sum } from '../../support/arithmetic.ts';

/**
 * Mean cross entropy, in nats a target, of `held` under the shares that tokens have among the targets of `train`, each of
 * the vocabulary counted once more: what a base reaches that has learnt how frequent tokens are and nothing else.
 */
export function unigramLoss(train: readonly Row[], frozen: readonly Row[], vocabulary: number): number {
  const counts = new Float64Array(vocabulary).fill(1);
  for (const id of targetsOf(train)) counts[id]!++;
  const all = sum(counts);
  const targets = targetsOf(frozen);
  return -targets.reduce((sum, id) => sum + Math.log(counts[id]! / all), 0) / targets.length;
}

const targetsOf = (rows: readonly Row[]): number[] =>
  rows.flatMap((row) => row.flatMap(({ targets }) => targets.filter((id) => id !== NOTHING)));
