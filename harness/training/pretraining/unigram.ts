/** A baseline for pretraining's loss. runs/pretrain compares each new base with it. */
import { NOTHING } from './draw.ts';
import type { Row } from './objective.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/**
 * The mean cross entropy of held-out rows, in nats a target, under the token frequencies among the targets of
 * `train`, each token of the vocabulary counted once more. It is what a base reaches that has learnt these
 * frequencies and nothing else.
 */
export function unigramLoss(train: readonly Row[], heldOut: readonly Row[], vocabulary: number): number {
  const counts = new Float64Array(vocabulary).fill(1);
  for (const id of targetsOf(train)) counts[id]!++;
  const all = sum(counts);
  const targets = targetsOf(heldOut);
  return -targets.reduce((sum, id) => sum + Math.log(counts[id]! / all), 0) / targets.length;
}

const targetsOf = (rows: readonly Row[]): number[] =>
  rows.flatMap((row) => row.flatMap(({ targets }) => targets.filter((id) => id !== NOTHING)));
