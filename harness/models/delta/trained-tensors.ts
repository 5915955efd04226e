/**
 * The tensors that a method trains on a base, their shapes and initial values, and the frozen ones on the
 * engine.
 */
import type { Engine, FrozenArrays, FrozenArray, Shape } from '../../engine/types.ts';
import { NotFinite } from '../../support/errors.ts';
import { heldShapes } from '../architecture.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { type Site, weightName } from '../edits.ts';
import type { Delta, TensorSpec } from '../method.ts';
import type { BaseModel } from '../base-model.ts';

/** Gives the names of the base's tensors that a method trains. */
export function unfrozenTensors(base: BaseModel, delta: Delta): string[] {
  const { unfreezes } = delta;
  if (!unfreezes) return [];
  const owners = new Map<string, Site>();
  for (const site of base.sites) {
    for (const name of [weightName(site), `${site.name}.bias`]) {
      if (name in base.shapes && !owners.has(name)) owners.set(name, site);
    }
  }
  return Object.keys(base.shapes).filter((name) => unfreezes(name, owners.get(name)));
}

/** Gives the shapes of all trained tensors: the method's, and the base's unfrozen ones. */
export function trainedShapes(base: BaseModel, delta: Delta): Record<string, Shape> {
  const own = Object.entries(delta.trained).map(([name, { shape }]) => [name, shape] as const);
  const theirs = unfrozenTensors(base, delta).map((name) => [name, base.shapes[name]!] as const);
  return Object.fromEntries([...own, ...theirs]);
}

/** Gives the shapes of all tensors that a run ends with: the trained ones, the method's frozen ones and its state. */
export function shapesOfValues(base: BaseModel, delta: Delta): Record<string, Shape> {
  const others = Object.entries({ ...delta.frozen, ...delta.state });
  return {
    ...trainedShapes(base, delta),
    ...Object.fromEntries(others.map(([name, { shape }]) => [name, shape])),
  };
}

/**
 * Throws NotFinite if a base's tensor holds NaN or infinity. A search or a maximum may ignore NaN, so a run
 * that only tests would give meaningless scores instead of an error.
 */
export function requireFinite(id: string, name: string, values: Float32Array): void {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += 0 * values[i]!;
  if (sum === 0) return;
  throw new NotFinite(
    `the weights of ${id} are not finite: ${name} holds ${String(values.find((x) => !Number.isFinite(x)))}`,
  );
}

/**
 * Computes initial values of tensors; each draws from the seed's stream of its own name. Throws TypeError where
 * a method gives another number of values than the tensor's shape has.
 */
export async function initialize(
  specs: Readonly<Record<string, TensorSpec>>,
  base: BaseModel,
  seed: number,
): Promise<Record<string, Float32Array>> {
  const values: Record<string, Float32Array> = {};
  for (const [name, { shape, init }] of Object.entries(specs)) {
    const initial = await init(randomStream(seed, `init/${name}`), base);
    if (initial.length !== sizeOf(shape))
      throw new TypeError(`${name} of shape [${shape.join(', ')}] begins with ${initial.length} values`);
    values[name] = initial;
  }
  return values;
}

/** A tensor of the base as engines freeze it. Throws RangeError if it is not finite. */
export async function frozenArray(base: BaseModel, name: string): Promise<FrozenArray> {
  const kept = (await base.packed?.(name)) ?? (await base.mapped?.(name));
  if (kept) return kept;
  const [shape, data] = [heldShapes(base.architecture, base.shapes)[name]!, await base.tensor(name)];
  requireFinite(base.id, name, data);
  const location = base.location(name);
  if (!location) return { shape, data };
  // Of a packed base every program maps what lies in files, so that nothing is in memory twice.
  return base.weights ? { shape, location } : { shape, data, location };
}

/**
 * Puts the frozen tensors of the base and of the method on the engine. Throws NotFinite if one of the base
 * is not finite.
 */
export async function freezeTensors(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  seed: number,
): Promise<FrozenArrays> {
  const trained = new Set(unfrozenTensors(base, delta));
  const arrays: Record<string, FrozenArray> = {};
  for (const name of Object.keys(heldShapes(base.architecture, base.shapes))) {
    if (trained.has(name)) continue;
    arrays[name] = await frozenArray(base, name);
  }
  const frozen = delta.frozen ?? {};
  for (const [name, data] of Object.entries(await initialize(frozen, base, seed))) {
    arrays[name] = { shape: frozen[name]!.shape, data };
  }
  return engine.freeze({ ...arrays, ...(await derivedArrays(base, delta)) });
}

/** The tensors of a method that no file holds; they depend on no seed. */
export async function derivedArrays(
  base: BaseModel,
  { derived = {} }: Delta,
): Promise<Record<string, FrozenArray>> {
  const values = await initialize(derived, base, 0);
  return Object.fromEntries(
    Object.entries(derived).map(([name, { shape }]) => [name, { shape, data: values[name]! }]),
  );
}
