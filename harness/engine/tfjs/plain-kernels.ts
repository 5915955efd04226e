/**
 * Faster kernels of tfjs's plain backend, which the engine js computes on. The backend's own loops make a list
 * of coordinates for every element of a transpose and of operands that are repeated along an axis, and it sums
 * all rows once for each segment: most of the time of a step. Results keep every bit.
 */
import * as tf from './library.ts';
import type { Shape } from '../types.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

const BACKEND = 'cpu';

type Values = Float32Array | Int32Array | Uint8Array;

/** What the kernels use of the plain backend, which tfjs does not type. */
interface PlainBackend {
  readonly data: { get(dataId: object): { values: Values } };
  makeTensorInfo(shape: number[], dtype: tf.DataType, values: Values): tf.TensorInfo;
  disposeIntermediateTensorInfo(info: tf.TensorInfo): void;
}

/** How far apart neighbours along each axis of a row-major array lie. */
function stepsOf(shape: Shape): number[] {
  const steps = shape.map(() => 1);
  for (let axis = shape.length - 2; axis >= 0; axis--) steps[axis] = steps[axis + 1]! * shape[axis + 1]!;
  return steps;
}

/** The elements of an array of shape `shape` in row order, where `steps` says how far apart they lie in `values`. */
function inRowOrder(values: Values, shape: Shape, steps: readonly number[]): Values {
  const Kind = values.constructor as new (length: number) => Values;
  const result = new Kind(sizeOf(shape));
  const last = shape.length - 1;
  const [width, step] = last < 0 ? [1, 0] : [shape[last]!, steps[last]!];
  const place = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < result.length;) {
    for (let j = 0, at = from; j < width; j++, at += step) result[to++] = values[at]!;
    for (let axis = last - 1; axis >= 0; axis--) {
      from += steps[axis]!;
      if (++place[axis]! < shape[axis]!) break;
      from -= steps[axis]! * shape[axis]!;
      place[axis] = 0;
    }
  }
  return result;
}

/** Puts a kernel in the place of the backend's own, which it is given. */
function replace(kernelName: string, faster: (own: tf.KernelFunc) => tf.KernelFunc): void {
  const { kernelFunc } = tf.getKernel(kernelName, BACKEND);
  tf.unregisterKernel(kernelName, BACKEND);
  tf.registerKernel({ kernelName, backendName: BACKEND, kernelFunc: faster(kernelFunc) });
}

const transpose: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const plain = backend as PlainBackend;
  const x = inputs.x!;
  const axes = attrs!.perm as number[];
  const steps = stepsOf(x.shape);
  const shape = axes.map((axis) => x.shape[axis]!);
  const values = inRowOrder(
    plain.data.get(x.dataId).values,
    shape,
    axes.map((axis) => steps[axis]!),
  );
  return plain.makeTensorInfo(shape, x.dtype, values);
};

/** The shape that two shapes are repeated to, where axes of size 1 and missing ones in front are. */
function commonShape(a: Shape, b: Shape): number[] {
  if (a.length < b.length) return commonShape(b, a);
  const missing = a.length - b.length;
  return a.map((size, i) => (size === 1 ? (b[i - missing] ?? 1) : size));
}

/** Whether the backend's fast loop serves: the operand's shape is the end of the result's. */
const isEndOf = (operand: Shape, shape: Shape): boolean =>
  operand.every((size, i) => size === shape[shape.length - operand.length + i]);

/** Whether an operand can be repeated to a shape. */
const fits = (operand: Shape, shape: Shape): boolean =>
  operand.every((size, i) => size === 1 || size === shape[shape.length - operand.length + i]);

/** The kernel of two operands, which are repeated to the result's shape first. */
const repeated =
  (own: tf.KernelFunc): tf.KernelFunc =>
  (call) => {
    const plain = call.backend as PlainBackend;
    const [a, b] = [call.inputs.a!, call.inputs.b!];
    const shape = commonShape(a.shape, b.shape);
    if (isEndOf(a.shape, shape) && isEndOf(b.shape, shape)) return own(call);
    // The backend's own kernel refuses shapes that do not go together.
    if (!fits(a.shape, shape) || !fits(b.shape, shape)) return own(call);
    const whole = [a, b].map((info) => {
      if (isEndOf(info.shape, shape)) return info;
      const axes = shape.length - info.shape.length;
      const stored = stepsOf(info.shape);
      const steps = shape.map((_, i) => (i < axes || info.shape[i - axes] === 1 ? 0 : stored[i - axes]!));
      const values = inRowOrder(plain.data.get(info.dataId).values, shape, steps);
      return plain.makeTensorInfo(shape, info.dtype, values);
    });
    const result = own({ ...call, inputs: { a: whole[0]!, b: whole[1]! } });
    for (const info of whole) if (info !== a && info !== b) plain.disposeIntermediateTensorInfo(info);
    return result;
  };

/** The sums of the rows of each segment, in the order of rows; they add up in float64, as the backend's do. */
const segmentSum: tf.KernelFunc = ({ inputs, attrs, backend }) => {
  const plain = backend as PlainBackend;
  const [x, ids] = [inputs.x!, inputs.segmentIds!];
  const [rows, segments] = [plain.data.get(ids.dataId).values, attrs!.numSegments as number];
  const shape = [segments, ...x.shape.slice(ids.shape.length)];
  const width = sizeOf(shape.slice(1));
  const values = plain.data.get(x.dataId).values;
  const sums = new Float64Array(segments * width);
  rows.forEach((segment, row) => {
    if (segment < 0 || segment >= segments) return;
    for (let j = 0; j < width; j++) sums[segment * width + j]! += values[row * width + j]!;
  });
  return plain.makeTensorInfo(
    shape,
    x.dtype,
    x.dtype === 'int32' ? Int32Array.from(sums) : Float32Array.from(sums),
  );
};

let replaced = false;

/** Replaces the kernels, once. */
export function usePlainKernels(): void {
  if (replaced) return;
  replaced = true;
  replace('Transpose', () => transpose);
  replace('UnsortedSegmentSum', () => segmentSum);
  for (const name of ['Add', 'Sub', 'Multiply', 'RealDiv', 'Maximum', 'Minimum', 'Equal', 'Less'])
    replace(name, repeated);
}
