/** Counts trained parameters from shapes alone, without reading weights. */
import { trainedShapes } from './trained-tensors.ts';
import type { Head } from './heads.ts';
import type { Delta } from '../method.ts';
import type { BaseModel } from '../base-model.ts';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';

/** Numbers of parameters of a base with a method and a head. */
export interface ParameterCounts {
  /** Trained parameters outside the task's head. */
  readonly trained: number;
  readonly head: number;
  /** Parameters of base, method and head together. */
  readonly all: number;
  /** The trained tensors of the method, and those of the base that it unfreezes. */
  readonly tensors: readonly {
    readonly name: string;
    readonly shape: readonly number[];
    readonly parameters: number;
  }[];
}

/** Counts the parameters that a method, and a head if there is one, trains on a base. */
export function countParameters(base: BaseModel, delta: Delta, head?: Head): ParameterCounts {
  const all = Object.entries(trainedShapes(base, delta)).map(([name, shape]) => ({
    name,
    shape,
    parameters: sizeOf(shape),
  }));
  const isHead = ({ name }: { name: string }): boolean => head !== undefined && name in head.tensors;
  const tensors = all.filter((tensor) => !isHead(tensor));
  const ofHead = sum(all.filter(isHead).map(({ parameters }) => parameters));
  const inBase = sum(Object.values(base.shapes).map(sizeOf));
  const added = sum(tensors.filter(({ name }) => !(name in base.shapes)).map(({ parameters }) => parameters));
  return {
    trained: sum(tensors.map(({ parameters }) => parameters)),
    head: ofHead,
    all: inBase + added + ofHead,
    tensors,
  };
}
