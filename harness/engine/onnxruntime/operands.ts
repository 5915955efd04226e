/** How a program's operands and results are called in its graph, and arrays as onnxruntime's tensors. */
import * as ort from 'onnxruntime-node';
import { dtypeOf } from '../check-arrays.ts';
import { type NumericArray, packedParts, type Shape, type TensorTypes } from '../types.ts';

/**
 * The namespaces of graph inputs and outputs, one for each place that operands come from and results go to.
 */
export const PREFIX = {
  frozen: 'frozen/',
  /** Frozen arrays in half precision. */
  half: 'half/',
  /** The parts of packed weights. */
  codes: 'codes/',
  scales: 'scales/',
  zeros: 'zero points/',
  order: 'order/',
  state: 'state/',
  input: 'input/',
  random: 'random/',
  output: 'output/',
} as const;

/** Whether a graph input holds a part of a packed weight. */
export const isPackedPart = (input: string): boolean =>
  packedParts.some((part) => input.startsWith(PREFIX[part]));

/** Where an operand comes from or a result goes to. */
export interface Place {
  readonly kind: keyof typeof PREFIX;
  /** The copy of the program whose operand it is; 0 for frozen arrays, which all copies share. */
  readonly copy: number;
  /** The name in the program. */
  readonly key: string;
}

export const typeOf = (shape: Shape, data: NumericArray): TensorTypes[string] => ({
  shape,
  dtype: dtypeOf(data),
});

export const tensorOf = (data: NumericArray, shape: Shape): ort.Tensor =>
  new ort.Tensor(dtypeOf(data), data, shape);
