/** The tracked adapters of the gate: fixed values of a method's tensors, and what a batch gives with them. */
import { openSafetensors, writeSafetensors } from '../../data/formats/safetensors.ts';
import { freezeAll, type TrainedTensors } from '../../decoding/programs.ts';
import * as ops from '../../engine/ops.ts';
import type { Engine, ProgramTensors } from '../../engine/types.ts';
import type { StoredTensors } from '../../exchange/adapter.ts';
import { initialize, trainedShapes, unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { outputHead, runDecoder, type ModelUse } from '../../models/delta/forward.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Objective } from '../../training/objectives/objective.ts';
import { packingOf } from '../../training/objectives/pack-sequences.ts';

/** Logits that are compared, spread evenly over all. */
const LOGITS = 256;
/**
 * Standard deviation of the tracked values: at zero, where many methods start, a wrong sign would not show.
 */
const DEVIATION = 0.1;
const SEED = 42;

interface Attached {
  readonly base: BaseModel;
  readonly delta: Delta;
}

/** Reads an adapter's tensors by name; throws UsageError where the file cannot be read. */
export async function readTracked(path: string): Promise<StoredTensors> {
  const { tensors, read } = await openSafetensors(path);
  const entries = [...tensors].map(
    async ([name, { shape }]) => [name, { shape, data: await read(name) }] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** Writes an adapter whose values differ a little from those that the method starts with. */
export async function writeTracked(path: string, { base, delta }: Attached): Promise<void> {
  const start = await startOf({ base, delta });
  const frozen = new Set(Object.keys(delta.frozen ?? {}));
  const moved = Object.entries(start).map(([name, { shape, data }]) => {
    const noise = randomStream(SEED, `check/${name}`).normal(data.length, 0, DEVIATION);
    return [name, { shape, data: frozen.has(name) ? data : data.map((x, i) => x + noise[i]!) }] as const;
  });
  await writeSafetensors(path, Object.fromEntries(moved), {}, { dtype: 'F16' });
}

/** All tensors that a method adds or trains, with the values that they start with. */
async function startOf({ base, delta }: Attached): Promise<Record<string, TrainedTensors[string]>> {
  const specs = { ...delta.trained, ...delta.frozen, ...delta.state };
  const values = await initialize(specs, base, SEED);
  for (const name of unfrozenTensors(base, delta)) values[name] = await base.tensor(name);
  const shapes = trainedShapes(base, delta);
  return Object.fromEntries(
    Object.entries(values).map(([name, data]) => [name, { shape: shapes[name] ?? specs[name]!.shape, data }]),
  );
}

/** Computes the loss of a batch under a method before training, and some of the logits behind it. */
export async function computeStart<Example>(
  engine: Engine,
  { base, delta }: Attached,
  objective: Objective<Example>,
  batch: readonly Example[],
): Promise<{ loss: number; logits: number[] }> {
  const shape = objective.sizesOf(batch);
  const frozen = await freezeAll(engine, base, delta, await startOf({ base, delta }));
  const state = engine.state({});
  const program = await engine.compile(
    { name: 'check', frozen, state: state.types, inputs: objective.types(shape) },
    (x) => {
      const names = Object.keys({ ...trainedShapes(base, delta), ...delta.state });
      const tensors = Object.fromEntries(names.map((name) => [name, x.frozen[name]!]));
      const use = { base, delta, tensors, training: false, dropout: false, totalSteps: 1 };
      const { loss, answers } = objective.loss(x, use, shape);
      return { outputs: { loss, logits: answers ?? tokenLogits(x, use, shape) } };
    },
  );
  const targets = batch.reduce((sum, example) => sum + objective.targetsOf(example), 0);
  const { loss, logits } = await program.run(state, objective.fill(batch, shape, 1 / targets));
  await program.dispose();
  state.dispose();
  frozen.dispose();
  return { loss: loss![0]!, logits: spread([...logits!]) };
}

/** The logits [M, V] of the tokens that predict a target. */
function tokenLogits(
  x: ProgramTensors,
  use: ModelUse,
  { rows: batch, length }: { rows: number; length: number },
): ops.Tensor {
  const { hidden } = runDecoder(x, use, { batch, length, packing: packingOf(x) });
  const head = outputHead(x, use);
  const states = ops.gather(hidden, x.inputs.targetRows as never);
  return head.scores(states, (own) => ops.matMul(own, head.weight, false, true));
}

function spread(values: readonly number[]): number[] {
  const every = Math.max(1, Math.floor(values.length / LOGITS));
  return values.filter((_, i) => i % every === 0).slice(0, LOGITS);
}
