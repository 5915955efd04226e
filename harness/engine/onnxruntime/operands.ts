import * as ort from 'onnxruntime-node';
import { dtypeOf } from '../check-arrays.ts';
import type { NumericArray, Shape, TensorTypes } from '../types.ts';
import type { Value } from '../graph/node.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** Names of a program's operands in its graph: one namespace for each place they come from. */
export const PREFIX = {
  held: 'held/',
  /** Held arrays in half precision. */
  half: 'half/',
  state: 'state/',
  input: 'input/',
  random: 'random/',
  output: 'output/',
} as const;

export const typeOf = (shape: Shape, data: NumericArray): TensorTypes[string] => ({
  shape,
  dtype: dtypeOf(data),
});
export const tensorOf = (data: NumericArray, shape: Shape): ort.Tensor =>
  new ort.Tensor(dtypeOf(data), data, shape);

/** A tensor for a value of a program to be written into. */
export function blank({ shape, dtype }: Value): ort.Tensor {
  if (dtype === 'float32') return tensorOf(new Float32Array(sizeOf(shape)), shape);
  if (dtype === 'int32') return tensorOf(new Int32Array(sizeOf(shape)), shape);
  throw new TypeError(`a program gives no ${dtype}`);
}
