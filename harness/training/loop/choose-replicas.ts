/**
 * Decides whether the engine's replicas share the micro-batches of a step. plan-run.ts and test/speed use it.
 */
import type { Engine } from '../../engine/types.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Pack } from '../step/parameter-packs.ts';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';

/**
 * Most parameters that are trained. They and their gradients cross between threads in every step, which makes
 * full fine-tuning slower.
 */
const MOST_TRAINED = 2 ** 19;
/** Most parameters of the base: each replica but the first has a copy of them. */
const MOST_COPIED = 2 ** 27;
/**
 * Least work for replicas to pay, as parameters × tokens: per step against the time that messages take, per
 * run against the time that copying the base takes.
 */
const LEAST_WORK = { step: 2 ** 26, run: 2 ** 36 };

/** The number of replicas that compute a run's micro-batches at the same time; 1 where more do not pay. */
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
