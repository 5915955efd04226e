import { UsageError } from '../support/errors.ts';
import { trainedShapes, unfrozenTensors } from '../models/delta/trained-tensors.ts';
import type { Shape } from '../models/edits.ts';
import type { HeadName } from '../models/head-names.ts';
import type { Delta, TensorSpec } from '../models/method.ts';
import type { BaseModel } from '../models/base-model.ts';

export type StoredTensors = Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>;

/** What a method learned on a base, apart from any run. */
export interface Adapter {
  /** The name of a method, and its options; those left out have their defaults. */
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Options that the adapter has but that its files do not say. */
  readonly missing?: readonly string[];
  /** The method's trained, frozen and state tensors and the base's own that it trained, under our names. */
  readonly tensors: StoredTensors;
  /** The task's trained head, under Hugging Face's names; and which it is, where there is one. */
  readonly head: StoredTensors;
  readonly headName?: HeadName;
  /** Optimiser steps that it was trained for, where they are known. */
  readonly steps?: number;
}

/**
 * A base and a method that begin with an adapter's values: what is initialised from them, trained or not, computes what
 * the adapter does. State that adapters do not carry (moving averages) begins anew. Throws UsageError, which names
 * `where` it came from, where the adapter's tensors are not those of the method on this base.
 */
export function startFrom(
  base: BaseModel,
  delta: Delta,
  { tensors }: Pick<Adapter, 'tensors'>,
  where: string,
): { base: BaseModel; delta: Delta } {
  const shapes = trainedShapes(base, delta);
  for (const [name, { shape }] of Object.entries(delta.frozen ?? {})) shapes[name] = shape;
  const known = { ...shapes, ...delta.state };
  for (const [name, shape] of Object.entries(shapes)) checkShape(tensors, name, shape, where);
  for (const [name, { shape }] of Object.entries(tensors)) {
    if (!(name in known)) {
      throw new UsageError(
        `${where} has a tensor "${name}" [${shape.join(', ')}], ` +
          `which the method does not have on ${base.id}; is it an adapter of another base?`,
      );
    }
    checkShape(tensors, name, shapes[name] ?? delta.state![name]!.shape, where);
  }
  const begin = (specs: Readonly<Record<string, TensorSpec>> | undefined): Record<string, TensorSpec> =>
    Object.fromEntries(
      Object.entries(specs ?? {}).map(([name, spec]) => {
        const found = tensors[name];
        return [name, found ? { ...spec, init: () => found.data } : spec];
      }),
    );
  const unfrozen = new Set(unfrozenTensors(base, delta));
  return {
    base: {
      ...base,
      tensor: async (name) => (unfrozen.has(name) ? tensors[name]!.data : base.tensor(name)),
      location: (name) => (unfrozen.has(name) ? undefined : base.location(name)),
    },
    delta: {
      ...delta,
      trained: begin(delta.trained),
      ...(delta.frozen && { frozen: begin(delta.frozen) }),
      ...(delta.state && { state: begin(delta.state) }),
    },
  };
}

function checkShape(tensors: StoredTensors, name: string, shape: Shape, where: string): void {
  const stored = tensors[name]?.shape;
  if (stored?.join() === shape.join()) return;
  const given = stored ? `gives "${name}" the shape [${stored.join(', ')}]` : `lacks "${name}"`;
  throw new UsageError(`${where} ${given}; the method wants [${shape.join(', ')}] on this base.`);
}
