/**
 * The tensors of a run: their initial values, and what of them the result holds. A state names them by kind:
 * `trained/<pack>`, the optimiser's moments, `own/<name>` (the method's state), `gradients/<pack>` and the
 * loss scale.
 */
import type { Engine, State, TensorTypes } from '../../engine/types.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { initialize, trainedShapes, unfrozenTensors } from '../../models/delta/trained-tensors.ts';
import type { Delta } from '../../models/method.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { addPrefix, takePrefix } from '../../support/prefixed-names.ts';
import { firstScaler } from '../step/loss-scale.ts';
import { packArrays, unpackArrays, type Pack, type TrainedTensor } from '../step/parameter-packs.ts';
import type { TrainingJob, TrainingResult } from './job.ts';

/** Tensors on the host by their names. */
export type Arrays = Record<string, Float32Array>;
/** A method on its base, and the seed that its tensors are drawn from. */
type Attached = Pick<TrainingJob<never>, 'base' | 'delta' | 'seed'>;

/** Everything that is trained, with what the optimiser has to know of it. */
export function trainedTensors(base: BaseModel, delta: Delta): TrainedTensor[] {
  return Object.entries(trainedShapes(base, delta)).map(([name, shape]) => {
    const spec = delta.trained[name];
    return { name, shape, decays: spec?.weightDecay !== 0, rate: spec?.learningRate ?? 1 };
  });
}

/** The state before the first step; tensors without an initial value are zeros. */
export async function startState(
  engine: Engine,
  types: TensorTypes,
  attached: Attached,
  packs: readonly Pack[],
): Promise<State> {
  const initial = await initialTensors(attached, packs);
  const tensors = Object.entries(types).map(([name, { shape }]) => {
    const data = initial[name] ?? new Float32Array(sizeOf(shape));
    return [name, { shape, data }] as const;
  });
  return engine.state(Object.fromEntries(tensors));
}

async function initialTensors({ base, delta, seed }: Attached, packs: readonly Pack[]): Promise<Arrays> {
  const tensors = await initialize(delta.trained, base, seed);
  for (const name of unfrozenTensors(base, delta)) tensors[name] = await base.tensor(name);
  const own = await initialize(delta.state ?? {}, base, seed);
  return {
    ...addPrefix('trained/', packArrays(packs, tensors)),
    ...addPrefix('own/', own),
    ...firstScaler,
  };
}

/** Names of the gradients that add up in a state within a step. */
export const gradientsIn = (types: TensorTypes): string[] =>
  Object.keys(types).filter((name) => name.startsWith('gradients/'));

/**
 * The types of what a checkpoint holds: the whole state but gradients, of which none wait between two steps.
 */
export function checkpointTypes(types: TensorTypes): TensorTypes {
  const gradients = gradientsIn(types);
  return Object.fromEntries(Object.entries(types).filter(([name]) => !gradients.includes(name)));
}

/**
 * Names of the tensors that a run keeps from its best evaluation: the trained ones, and the method's state.
 */
export const keptTensors = (types: TensorTypes): string[] =>
  Object.keys(types).filter((name) => /^(trained|own)\//.test(name));

/** The kept tensors of a state as a result holds them, with the method's frozen ones: decoding needs all. */
export async function resultTensors(
  { base, delta, seed }: Attached,
  packs: readonly Pack[],
  kept: Arrays,
): Promise<TrainingResult['tensors']> {
  const own = Object.entries(takePrefix('own/', kept)).map(
    ([name, data]) => [name, { shape: delta.state![name]!.shape, data }] as const,
  );
  const specs = delta.frozen ?? {};
  const frozen = Object.entries(await initialize(specs, base, seed)).map(
    ([name, data]) => [name, { shape: specs[name]!.shape, data }] as const,
  );
  return {
    ...unpackArrays(packs, takePrefix('trained/', kept)),
    ...Object.fromEntries(own),
    ...Object.fromEntries(frozen),
  };
}

/**
 * Names of trained tensors that have their initial values still, but for those that the method itself puts
 * back there. Initial values are computed again here: keeping them would double the memory of training.
 */
export async function neverMoved(
  attached: Attached,
  packs: readonly Pack[],
  kept: Arrays,
): Promise<string[]> {
  const { delta } = attached;
  const before = unpackArrays(packs, takePrefix('trained/', await initialTensors(attached, packs)));
  const after = unpackArrays(packs, takePrefix('trained/', kept));
  const values = Object.fromEntries(Object.entries(after).map(([name, { data }]) => [name, data]));
  const all = { ...values, ...takePrefix('own/', kept) };
  return Object.entries(before)
    .filter(([name, { data }]) => data.every((x, i) => x === values[name]![i]))
    .map(([name]) => name)
    .filter((name) => !delta.putsBack?.(name, all));
}
