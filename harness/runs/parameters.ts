import type { BaseModel, Delta } from '../models/types.ts';

/** One trained tensor: of the method itself, or of the base and unfrozen by it. */
export interface TrainedTensor {
  readonly name: string;
  readonly shape: readonly number[];
  readonly parameters: number;
}
export interface ParameterCounts {
  /** Without the task's head. */
  readonly trained: number;
  readonly head: number;
  /** Base, method and head together. */
  readonly all: number;
  readonly tensors: readonly TrainedTensor[];
}

/** Counts what a method trains on a base, from shapes alone. */
export function countParameters(base: BaseModel, delta: Delta): ParameterCounts {
  const owners = new Map(
    base.sites.filter(({ kind }) => kind === 'linear' || kind === 'norm').map((site) => [site.name, site]),
  );
  const unfrozen = Object.entries(base.shapes).filter(
    ([name]) => delta.unfreezes?.(name, owners.get(name.replace(/\.[^.]*$/, ''))) ?? false,
  );
  const added = Object.entries(delta.trained).map(([name, { shape }]) => [name, shape] as const);
  const tensors = [...unfrozen, ...added].map(([name, shape]) => ({ name, shape, parameters: size(shape) }));
  const inBase = sum(Object.values(base.shapes).map(size));
  return {
    trained: sum(tensors.map(({ parameters }) => parameters)),
    head: 0,
    all: inBase + sum(added.map(([, shape]) => size(shape))),
    tensors,
  };
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, n) => product * n, 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
