/**
 * Rungs of successive halving: how many trials train for which share of the budget. Rule and names are those
 * of Jamieson and Talwalkar, "Non-stochastic Best Arm Identification and Hyperparameter Optimization"
 * (AISTATS 2016), with η = 3 as in Hyperband (Li et al., JMLR 2018): on each rung the best third goes on, and
 * trains three times as long. A trial of a rung is a whole training, whose schedule ends with it.
 */
import { UsageError } from '../../support/errors.ts';

export const strategies = ['random', 'grid', 'halving'] as const;
/** How points are chosen and how long each is trained. */
export type Strategy = (typeof strategies)[number];

/** A rung: so many trials, each trained for a share of the whole budget. */
export interface Rung {
  readonly trials: number;
  readonly share: number;
}

const eta = 3;

/** The rungs for so many trials; one rung of whole trainings but for halving. Throws UsageError below η. */
export function rungsOf(strategy: Strategy, trials: number): Rung[] {
  if (strategy !== 'halving') return [{ trials, share: 1 }];
  if (trials < eta) {
    throw new UsageError(`--strategy halving keeps one trial in ${eta}: give --trials ${eta} at least.`);
  }
  let last = 0;
  while (eta ** (last + 1) <= trials) last++;
  return Array.from({ length: last + 1 }, (_, i) => ({
    trials: Math.floor(trials / eta ** i),
    share: eta ** (i - last),
  }));
}
