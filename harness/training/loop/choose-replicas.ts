import { sum } from 'simple-statistics';
import type { Engine } from '../../engine/types.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Pack } from '../step/parameter-packs.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** Numbers that are trained, at most: they and their gradients cross between threads in every step, which makes full fine-tuning slower. */
const MOST_TRAINED = 2 ** 19;
/** Numbers of the base, at most: each replica but the first has a copy. */
const MOST_COPIED = 2 ** 27;
/** Products of a weight and a token's number, at least: in a step, or else passing messages takes longer than is won, and in a run. */
const LEAST_WORK = { step: 2 ** 26, run: 2 ** 36 };

/** In how many of the engine's replicas a run's micro-batches are computed at the same time; 1 where that does not pay. */
export function replicasFor(
  engine: Pick<Engine, 'replicas'>,
  base: Pick<BaseModel, 'shapes'>,
  packs: readonly Pack[],
  tokens: number,
  steps: number,
): number {
  const trained = sum(packs.map(({ shape }) => sizeOf(shape)));
  const numbers = sum(Object.values(base.shapes).map(sizeOf));
  const work = numbers * tokens;
  const pays =
    trained <= MOST_TRAINED &&
    numbers <= MOST_COPIED &&
    work >= LEAST_WORK.step &&
    work * steps >= LEAST_WORK.run;
  return pays ? (engine.replicas?.length ?? 1) : 1;
}
