/**
 * What an adapter is, apart from the files that hold it, and how a base and a method start from one. The
 * readers and writers of formats (peft/, pyreft-folder.ts, red-vectors.ts) and the runs share it.
 */
import { UsageError } from '../support/errors.ts';
import { trainedShapes, unfrozenTensors } from '../models/delta/trained-tensors.ts';
import type { Shape, Shapes } from '../models/edits.ts';
import type { HeadName } from '../models/head-names.ts';
import type { Delta, TensorSpec } from '../models/method.ts';
import type { BaseModel } from '../models/base-model.ts';

/** Tensors by name, as a file of them holds them. */
export type StoredTensors = Readonly<Record<string, { readonly shape: Shape; readonly data: Float32Array }>>;

/** What a method learned on a base, apart from the run that trained it. */
export interface Adapter {
  /** The method's name and its options; an option that is left out has its default. */
  readonly method: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Names of options whose values the adapter's files do not hold. */
  readonly missing?: readonly string[];
  /**
   * The method's trained, frozen and state tensors, and the base's tensors that it trained, under
   * deltabench's names.
   */
  readonly tensors: StoredTensors;
  /** The tensors of the task's trained head, under Hugging Face's names; `headName` says which head it is. */
  readonly head: StoredTensors;
  readonly headName?: HeadName;
  /** Optimiser steps of the training, where they are known. */
  readonly steps?: number;
}

/**
 * Gives a base and a method that start from an adapter's values instead of their initial ones, so that they
 * compute what the adapter does. State that the adapter lacks (moving averages) starts anew. Throws
 * UsageError, which begins with `where`, if the adapter's tensors are not those of the method on this base.
 */
export function startFrom(
  base: BaseModel,
  delta: Delta,
  { tensors }: Pick<Adapter, 'tensors'>,
  where: string,
): { base: BaseModel; delta: Delta } {
  const shapes = trainedShapes(base, delta);
  for (const [name, { shape, fromBase }] of Object.entries(delta.frozen ?? {})) {
    if (!fromBase || name in tensors) shapes[name] = shape;
  }
  const known = { ...shapes, ...delta.state };
  for (const [name, shape] of Object.entries(shapes)) checkShape(tensors, name, shape, where);
  for (const [name, { shape }] of Object.entries(tensors)) {
    // Biases of a pooler that the head does not read compute nothing.
    if (!(name in known) && name in poolerShapes(base)) continue;
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
      mapped: async (name) => (unfrozen.has(name) ? undefined : base.mapped?.(name)),
      location: (name, type) => (unfrozen.has(name) ? undefined : base.location(name, type)),
    },
    delta: {
      ...delta,
      trained: begin(delta.trained),
      ...(delta.frozen && { frozen: begin(delta.frozen) }),
      ...(delta.state && { state: begin(delta.state) }),
    },
  };
}

const poolerShapes = ({ architecture }: BaseModel): Shapes =>
  architecture.kind === 'encoder' ? (architecture.pooler ?? {}) : {};

function checkShape(tensors: StoredTensors, name: string, shape: Shape, where: string): void {
  const stored = tensors[name]?.shape;
  if (stored?.join() === shape.join()) return;
  const given = stored ? `gives "${name}" the shape [${stored.join(', ')}]` : `lacks "${name}"`;
  throw new UsageError(`${where} ${given}; the method wants [${shape.join(', ')}] on this base.`);
}
