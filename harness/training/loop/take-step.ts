/**
 * Takes one optimiser step: its micro-batches, then the update from their gradients. train.ts and test/speed
 * call it.
 */
import { type Draw, randomKey, type State } from '../../engine/types.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import type { Objective } from '../objectives/objective.ts';
import { countTargets } from './plan-run.ts';
import { gradientsIn, type Arrays } from './run-tensors.ts';
import type { StepRunner, StepUnit } from './step-runner.ts';

/** The inputs of a step that the host decides. */
export interface StepSettings {
  /** The optimiser's rates of each pack. */
  readonly rates: Arrays;
  /** Steps done before; masks are drawn by it. */
  readonly step: number;
  readonly seed: number;
  /** Whether the base's dropout acts. */
  readonly dropout: boolean;
}

/** The result of a step. */
export interface StepResult {
  /** The mean over its targets, before the update. */
  readonly loss: number;
  /** The gradient's norm before clipping. */
  readonly norm: number;
  /** The run's own milliseconds; compiling is left out. */
  readonly milliseconds: number;
  /** The time when it was done. */
  readonly computedAt: number;
}

/** Takes a step on its micro-batches; afterwards the state holds the updated tensors and no gradients. */
export async function takeStep<Example>(
  runner: Pick<StepRunner<Example>, 'accumulating' | 'compute'>,
  objective: Objective<Example>,
  state: State,
  microBatches: readonly Example[][],
  settings: StepSettings,
): Promise<StepResult> {
  const units = unitsOf(runner.accumulating, objective, microBatches, settings);
  let [loss, norm, milliseconds, computedAt] = [0, 0, 0, 0];
  for (const sameKind of units) {
    const computed = await runner.compute(state, sameKind);
    loss += sum(computed.outputs.map((each) => each.loss?.[0] ?? 0));
    norm = computed.outputs.at(-1)!.norm?.[0] ?? 0;
    milliseconds += computed.milliseconds;
    ({ computedAt } = computed);
  }
  state.clear(gradientsIn(state.types));
  return { loss, norm, milliseconds, computedAt };
}

/** The units of a step in their order, those of one kind together. */
function unitsOf<Example>(
  accumulating: boolean,
  objective: Objective<Example>,
  microBatches: readonly Example[][],
  { rates, step, seed, dropout }: StepSettings,
): StepUnit<Example>[][] {
  const weight = 1 / countTargets(objective, microBatches);
  const counter = { step: Float32Array.of(step) };
  const controls = { ...rates, ...counter };
  const drawFor =
    (microBatch: number): Draw =>
    (mask, out) => {
      const random = randomStream(seed, `${randomKey(mask)} ${step} ${microBatch}`);
      if (mask.kind === 'uniform') out.set(random.uniform(out.length, 0, 1));
      else random.dropout(out, mask.rate);
    };
  const common = { weight, dropout };
  const first = { ...common, controls, draw: drawFor(0) };
  if (!accumulating) return [[{ ...first, kind: 'step', examples: microBatches[0] ?? [] }]];
  const accumulate = microBatches.map((examples, i): StepUnit<Example> => {
    return { ...common, kind: 'accumulate', examples, controls: counter, draw: drawFor(i) };
  });
  return [accumulate, [{ ...first, kind: 'apply', examples: [] }]];
}
