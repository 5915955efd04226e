/**
 * The recorder's kernels: for each kernel of tfjs, the graph operations that it stands for. `recordGraph`
 * registers them once. An operation without a kernel here cannot be recorded; tfjs then names it in its
 * error.
 */
import * as tf from '../tfjs/library.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import type { Shape } from '../types.ts';
import type { Graph } from './graph.ts';
import type { DType, Value } from './node.ts';
import {
  arrayTypeOf,
  BACKEND,
  currentGraph,
  infoOf,
  RecorderBackend,
  toArray,
  toDType,
  valueOf,
} from './recorder-backend.ts';
import { broadcast } from './shapes.ts';

type Attributes = Readonly<Record<string, unknown>>;
type Emit = (g: Graph, inputs: readonly Value[], attributes: Attributes) => Value | readonly Value[];

/** Writes operations by hand: from the values of the operands to those of the results. */
export type Write = (g: Graph, inputs: readonly Value[]) => readonly Value[];

/** The kernel whose attribute `write` is a `Write`; every fused operation is recorded through it. */
export const RECORDED = 'Recorded';

let registered = false;

/** Registers the backend and its kernels with tfjs, once. */
export function registerKernels(): void {
  if (registered) return;
  registered = true;
  tf.enableProdMode();
  tf.registerBackend(BACKEND, () => new RecorderBackend(), 0);
  registerElementwise();
  registerComparisons();
  registerReductions();
  registerShapes();
  registerIndexing();
  registerPartition();
  registerFills();
  tf.registerKernel({
    kernelName: RECORDED,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) =>
      (attrs as unknown as { write: Write })
        .write(currentGraph(), (inputs as unknown as tf.TensorInfo[]).map(valueOf))
        .map(infoOf),
  });
}

/** Registers a kernel; `names` are its operands in order, empty where tfjs passes a list. */
function register(kernelName: string, names: readonly string[], emit: Emit): void {
  tf.registerKernel({
    kernelName,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const infos = Array.isArray(inputs)
        ? (inputs as tf.TensorInfo[])
        : names.map((name) => inputs[name]).filter((info) => info !== undefined);
      const values = infos.map(valueOf);
      if (infos.length > 0 && values.every((v) => v.constant)) {
        return fold(kernelName, inputs, attrs!);
      }
      const out = emit(currentGraph(), values, attrs ?? {});
      return 'id' in out ? infoOf(out) : out.map(infoOf);
    },
  });
}

/** Computes a kernel of constants on tfjs's plain backend; the result is a constant too. */
function fold(
  kernelName: string,
  infos: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as tf.KernelBackend & {
    makeTensorInfo(shape: number[], dtype: tf.DataType, values: ArrayLike<number>): tf.TensorInfo;
  };
  const toCpu = (info: tf.TensorInfo): tf.TensorInfo =>
    cpu.makeTensorInfo(info.shape, info.dtype, valueOf(info).constant!);
  const inputs: tf.NamedTensorInfoMap = Array.isArray(infos)
    ? (infos.map(toCpu) as unknown as tf.NamedTensorInfoMap)
    : Object.fromEntries(Object.entries(infos).map(([name, info]) => [name, info && toCpu(info)]));
  const toConstant = (info: tf.TensorInfo): tf.TensorInfo => {
    const data = toArray(cpu.readSync(info.dataId) as ArrayLike<number>, info.dtype);
    return infoOf(currentGraph().constant(data, info.shape, toDType(info.dtype)));
  };
  const out = tf.getKernel(kernelName, 'cpu').kernelFunc({ inputs, attrs, backend: cpu });
  return Array.isArray(out) ? out.map(toConstant) : toConstant(out);
}

/** tfjs's axis attribute as a list of axes from 0; all axes where it is absent. */
function axesOf(axis: unknown, rank: number): number[] {
  if (axis === undefined || axis === null) return Array.from({ length: rank }, (_, i) => i);
  return [axis as number | number[]].flat().map((a) => (a < 0 ? a + rank : a));
}

/** tfjs's axis attribute where it is one axis. */
const axisOf = (axis: unknown, rank: number): number => axesOf(axis, rank)[0]!;

function registerElementwise(): void {
  const unary = 'Exp Log Tanh Erf Sqrt Neg Relu Sigmoid Abs Sin Cos Floor Reciprocal'.split(' ');
  for (const name of unary) register(name, ['x'], (g, [x]) => g.unary(name, x!));
  register('Square', ['x'], (g, [x]) => g.mul(x!, x!));
  register('Rsqrt', ['x'], (g, [x]) => g.unary('Reciprocal', g.unary('Sqrt', x!)));
  // The slope of ReLU and, with alpha −1, of the absolute value.
  register('Step', ['x'], (g, [x], { alpha }) => {
    const positive = g.binary('Greater', x!, g.scalar(0), 'bool');
    return g.one('Where', [positive, g.scalar(1), g.scalar((alpha ?? 0) as number)], x!.shape);
  });

  const binary = {
    Add: 'Add',
    Sub: 'Sub',
    Multiply: 'Mul',
    RealDiv: 'Div',
    Pow: 'Pow',
    Maximum: 'Max',
    Minimum: 'Min',
  };
  for (const [name, op] of Object.entries(binary))
    register(name, ['a', 'b'], (g, [a, b]) => g.binary(op, a!, b!));

  register('Cast', ['x'], (g, [x], { dtype }) => g.cast(x!, dtype as DType));
  register('Identity', ['x'], (_, [x]) => x!);
}

function registerComparisons(): void {
  const comparisons = {
    Greater: 'Greater',
    GreaterEqual: 'GreaterOrEqual',
    Less: 'Less',
    LessEqual: 'LessOrEqual',
    Equal: 'Equal',
    LogicalAnd: 'And',
  };
  for (const [name, op] of Object.entries(comparisons))
    register(name, ['a', 'b'], (g, [a, b]) => g.binary(op, a!, b!, 'bool'));
  register('LogicalNot', ['x'], (g, [x]) => g.unary('Not', x!));
  register('Select', ['condition', 't', 'e'], (g, [condition, t, e]) => {
    const shape = broadcast(condition!.shape, broadcast(t!.shape, e!.shape, 'Where'), 'Where');
    return g.one('Where', [condition!, t!, e!], shape, t!.dtype);
  });
}

function registerReductions(): void {
  // tfjs calls the axes of Max `reductionIndices`, those of the others `axis`.
  const reductions = { Sum: 'ReduceSum', Mean: 'ReduceMean', Max: 'ReduceMax', Min: 'ReduceMin' };
  for (const [name, op] of Object.entries(reductions))
    register(name, ['x'], (g, [x], { axis, reductionIndices, keepDims }) =>
      g.reduce(op, x!, axesOf(axis ?? reductionIndices, x!.shape.length), keepDims as boolean),
    );
  register('Softmax', ['logits'], (g, [x], { dim }) =>
    g.one('Softmax', [x!], x!.shape, 'float32', { axis: dim as number }),
  );
  register('LogSoftmax', ['logits'], (g, [x], { axis }) =>
    g.one('LogSoftmax', [x!], x!.shape, 'float32', { axis: axis as number }),
  );
  register('BatchMatMul', ['a', 'b'], (g, [a, b], { transposeA, transposeB }) => {
    const options = { transA: transposeA as boolean, transB: transposeB as boolean };
    const matrices = a!.shape.length === 2 && b!.shape.length === 2;
    return matrices ? g.gemm(a!, b!, options) : g.matmul(a!, b!, options);
  });
}

function registerShapes(): void {
  register('Reshape', ['x'], (g, [x], { shape }) => {
    const to = [...(shape as number[])];
    const inferred = to.indexOf(-1);
    if (inferred >= 0) {
      const others = to.reduce((product, n) => (n === -1 ? product : product * n), 1);
      to[inferred] = sizeOf(x!.shape) / others;
    }
    return g.reshape(x!, to);
  });
  register('ExpandDims', ['input'], (g, [x], { dim }) => {
    const at = (dim as number) < 0 ? x!.shape.length + (dim as number) + 1 : (dim as number);
    return g.reshape(x!, x!.shape.toSpliced(at, 0, 1));
  });
  register('Transpose', ['x'], (g, [x], { perm }) => g.transpose(x!, perm as number[]));
  register('Tile', ['x'], (g, [x], { reps }) => {
    const times = reps as number[];
    const shape = x!.shape.map((n, i) => n * times[i]!);
    return g.one('Tile', [x!, g.integers(times)], shape, x!.dtype);
  });
  register('PadV2', ['x'], (g, [x], { paddings, constantValue }) => {
    const pads = paddings as [number, number][];
    const shape = x!.shape.map((n, i) => n + pads[i]![0] + pads[i]![1]);
    const widths = g.integers([...pads.map((p) => p[0]), ...pads.map((p) => p[1])]);
    const value = g.constant(toArray([constantValue as number], x!.dtype), [], x!.dtype);
    return g.one('Pad', [x!, widths, value], shape, x!.dtype);
  });
}

function registerIndexing(): void {
  register('GatherV2', ['x', 'indices'], (g, [x, indices], { axis, batchDims }) => {
    if (batchDims) throw new RangeError('GatherV2: batchDims is not recorded');
    const at = axisOf(axis ?? 0, x!.shape.length);
    const shape = x!.shape.toSpliced(at, 1, ...indices!.shape);
    return g.one('Gather', [x!, indices!], shape, x!.dtype, { axis: at });
  });
  register('UnsortedSegmentSum', ['x', 'segmentIds'], (g, [x, ids], { numSegments }) =>
    g.scatterRows(x!, ids!, numSegments as number),
  );
  register('OneHot', ['indices'], (g, [indices], { depth, onValue, offValue, dtype }) => {
    const values = g.constant(Float32Array.of(offValue as number, onValue as number), [2], 'float32');
    const operands = [g.cast(indices!, 'int64'), g.integers([depth as number]), values];
    const hot = g.one('OneHot', operands, [...indices!.shape, depth as number]);
    return g.cast(hot, dtype as DType);
  });
}

function registerPartition(): void {
  register('Slice', ['x'], (g, [x], { begin, size }) => {
    const from = begin as number[];
    const to = (size as number[]).map((n, i) => (n < 0 ? x!.shape[i]! : from[i]! + n));
    const axes = x!.shape.map((_, i) => i).filter((i) => from[i] !== 0 || to[i] !== x!.shape[i]);
    if (axes.length === 0) return x!;
    const onAxes = (list: number[]): Value => g.integers(axes.map((i) => list[i]!));
    const shape = to.map((n, i) => n - from[i]!);
    return g.one('Slice', [x!, onAxes(from), onAxes(to), g.integers(axes)], shape, x!.dtype);
  });
  register('SplitV', ['x'], (g, [x], { numOrSizeSplits, axis }) => {
    const at = axisOf(axis, x!.shape.length);
    if (Array.isArray(numOrSizeSplits)) return g.split(x!, numOrSizeSplits as number[], at);
    const count = numOrSizeSplits as number;
    return g.split(x!, Array<number>(count).fill(x!.shape[at]! / count), at);
  });
  register('Concat', [], (g, inputs, { axis }) => g.concat(inputs, axisOf(axis, inputs[0]!.shape.length)));
  register('Pack', [], (g, inputs, { axis }) => {
    const at = axisOf(axis, inputs[0]!.shape.length + 1);
    const parts = inputs.map((x) => g.reshape(x, x.shape.toSpliced(at, 0, 1)));
    return g.concat(parts, at);
  });
  register('Unpack', ['value'], (g, [x], { axis }) => {
    const at = axisOf(axis, x!.shape.length);
    const parts = g.split(x!, Array<number>(x!.shape[at]!).fill(1), at);
    return parts.map((part) => g.reshape(part, part.shape.toSpliced(at, 1)));
  });
}

function registerFills(): void {
  register('Fill', [], (g, _, { shape, value, dtype }) =>
    filled(g, shape as number[], (dtype ?? 'float32') as DType, value as number),
  );
  register('ZerosLike', ['x'], (g, [x]) => filled(g, x!.shape, x!.dtype, 0));
  register('OnesLike', ['x'], (g, [x]) => filled(g, x!.shape, x!.dtype, 1));
}

/** A constant of equal numbers. */
function filled(g: Graph, shape: Shape, dtype: DType, x: number): Value {
  return g.constant(new (arrayTypeOf(dtype))(sizeOf(shape)).fill(x), shape, dtype);
}
