import * as tf from '@tensorflow/tfjs';
import type { NumericArray, Shape } from '../types.ts';
import { broadcast, Graph, type Target } from './graph.ts';
import type { DType, Value } from './node.ts';
import { sizeOf } from '../../support/arithmetic.ts';

// A tfjs backend whose kernels append operations to a graph instead of computing, so that tfjs's own autodiff writes the
// whole training step down. What is known while recording (scalars, masks) is computed at once by the plain backend.

const BACKEND = 'recorder';

interface Data {
  readonly value: Value;
}
let graph: Graph | undefined;

function currentGraph(): Graph {
  if (!graph) throw new Error('no program is being recorded');
  return graph;
}

class RecorderBackend extends tf.KernelBackend {
  override write(values: tf.backend_util.BackendValues | null, shape: number[], dtype: tf.DataType): Data {
    if (values === null) throw new Error('a recorded tensor needs values');
    const data = toArray(values as ArrayLike<number>, dtype);
    return { value: currentGraph().constant(data, shape, toDType(dtype)) };
  }
  override readSync(): never {
    throw new Error('a program may not read tensors while it is recorded');
  }
  override read(): never {
    return this.readSync();
  }
  // A value belongs to the graph, not to the tensors that name it, so there is nothing to dispose.
  override disposeData(): boolean {
    return false;
  }
  override incRef(): void {
    return;
  }
  override numDataIds(): number {
    return 0;
  }
  override floatPrecision(): 32 {
    return 32;
  }
  override epsilon(): number {
    return 1e-7;
  }
  override timerAvailable(): boolean {
    return false;
  }
  override dispose(): void {
    return;
  }
}

function toDType(dtype: tf.DataType): DType {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new TypeError(`recorded programs have no tensors of type ${dtype}`);
  }
  return dtype;
}
function toArray(values: ArrayLike<number>, dtype: tf.DataType): NumericArray | Uint8Array {
  return dtype === 'float32'
    ? Float32Array.from(values)
    : dtype === 'int32'
      ? Int32Array.from(values)
      : Uint8Array.from(values);
}

const valueOf = (info: tf.TensorInfo): Value => (info.dataId as Data).value;
const infoOf = (value: Value): tf.TensorInfo => ({
  dataId: { value } satisfies Data,
  shape: [...value.shape],
  dtype: value.dtype as tf.DataType,
});

const tensorOf = (value: Value): tf.Tensor => tf.engine().makeTensorFromTensorInfo(infoOf(value));

type Attrs = Readonly<Record<string, unknown>>;
type Emit = (g: Graph, inputs: readonly Value[], attrs: Attrs) => Value | readonly Value[];
/** Writes operations by hand: from the values of the operands to those of the results. */
export type Write = (g: Graph, inputs: readonly Value[]) => readonly Value[];

/** Computes a kernel of constants on the plain backend. */
function fold(
  kernelName: string,
  infos: tf.NamedTensorInfoMap,
  attrs: tf.NamedAttrMap,
): tf.TensorInfo | tf.TensorInfo[] {
  const cpu = tf.findBackend('cpu') as tf.KernelBackend & {
    makeTensorInfo(shape: number[], dtype: tf.DataType, values: ArrayLike<number>): tf.TensorInfo;
  };
  const move = (info: tf.TensorInfo): tf.TensorInfo =>
    cpu.makeTensorInfo(info.shape, info.dtype, valueOf(info).constant!);
  const inputs: tf.NamedTensorInfoMap = Array.isArray(infos)
    ? (infos.map(move) as unknown as tf.NamedTensorInfoMap)
    : Object.fromEntries(Object.entries(infos).map(([name, info]) => [name, info && move(info)]));
  const keep = (info: tf.TensorInfo): tf.TensorInfo => {
    const data = toArray(cpu.readSync(info.dataId) as ArrayLike<number>, info.dtype);
    return infoOf(currentGraph().constant(data, info.shape, toDType(info.dtype)));
  };
  const out = tf.getKernel(kernelName, 'cpu').kernelFunc({ inputs, attrs, backend: cpu });
  return Array.isArray(out) ? out.map(keep) : keep(out);
}

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

const axesOf = (axis: unknown, rank: number): number[] =>
  (axis === undefined || axis === null
    ? Array.from({ length: rank }, (_, i) => i)
    : [axis as number | number[]].flat()
  ).map((a) => (a < 0 ? a + rank : a));

const filled = (g: Graph, shape: Shape, dtype: DType, x: number): Value => {
  const size = sizeOf(shape);
  const data =
    dtype === 'float32'
      ? new Float32Array(size)
      : dtype === 'int32'
        ? new Int32Array(size)
        : new Uint8Array(size);
  return g.constant(data.fill(x), shape, dtype);
};

let registered = false;
function registerKernels(): void {
  if (registered) return;
  registered = true;
  tf.enableProdMode();
  tf.registerBackend(BACKEND, () => new RecorderBackend(), 0);

  for (const name of [
    'Exp',
    'Log',
    'Tanh',
    'Erf',
    'Sqrt',
    'Neg',
    'Relu',
    'Sigmoid',
    'Abs',
    'Sin',
    'Cos',
    'Floor',
  ])
    register(name, ['x'], (g, [x]) => g.unary(name, x!));
  register('Square', ['x'], (g, [x]) => g.mul(x!, x!));
  // The slope of ReLU and, with alpha −1, of the absolute value.
  register('Step', ['x'], (g, [x], { alpha }) => {
    const above = g.binary('Greater', x!, g.scalar(0), 'bool');
    return g.one('Where', [above, g.scalar(1), g.scalar((alpha ?? 0) as number)], x!.shape);
  });
  register('Rsqrt', ['x'], (g, [x]) => g.unary('Reciprocal', g.unary('Sqrt', x!)));
  register('Reciprocal', ['x'], (g, [x]) => g.unary('Reciprocal', x!));

  const binary = { Add: 'Add', Sub: 'Sub', Multiply: 'Mul', RealDiv: 'Div', Pow: 'Pow' };
  for (const [name, op] of Object.entries(binary))
    register(name, ['a', 'b'], (g, [a, b]) => g.binary(op, a!, b!));
  // Max and Min of ONNX take any number of operands.
  register('Maximum', ['a', 'b'], (g, [a, b]) => g.binary('Max', a!, b!));
  register('Minimum', ['a', 'b'], (g, [a, b]) => g.binary('Min', a!, b!));
  const compare = { Greater: 'Greater', GreaterEqual: 'GreaterOrEqual', Less: 'Less', LessEqual: 'LessOrEqual', Equal: 'Equal' }; // prettier-ignore
  for (const [name, op] of Object.entries(compare))
    register(name, ['a', 'b'], (g, [a, b]) => g.binary(op, a!, b!, 'bool'));
  register('LogicalAnd', ['a', 'b'], (g, [a, b]) => g.binary('And', a!, b!, 'bool'));
  register('LogicalNot', ['x'], (g, [x]) => g.unary('Not', x!));
  register('Select', ['condition', 't', 'e'], (g, [condition, t, e]) =>
    g.one('Where', [condition!, t!, e!], broadcast(condition!.shape, broadcast(t!.shape, e!.shape, 'Where'), 'Where'), t!.dtype)); // prettier-ignore

  register('Cast', ['x'], (g, [x], { dtype }) => g.cast(x!, dtype as DType));
  register('Identity', ['x'], (_, [x]) => x!);
  register('Reshape', ['x'], (g, [x], { shape }) => {
    const to = [...(shape as number[])];
    const size = sizeOf(x!.shape);
    const open = to.indexOf(-1);
    if (open >= 0) to[open] = size / to.reduce((product, n) => (n === -1 ? product : product * n), 1);
    return g.reshape(x!, to);
  });
  register('ExpandDims', ['input'], (g, [x], { dim }) => {
    const at = (dim as number) < 0 ? x!.shape.length + (dim as number) + 1 : (dim as number);
    return g.reshape(x!, x!.shape.toSpliced(at, 0, 1));
  });
  register('Transpose', ['x'], (g, [x], { perm }) => g.transpose(x!, perm as number[]));

  register('Sum', ['x'], (g, [x], { axis, keepDims }) =>
    g.reduce('ReduceSum', x!, axesOf(axis, x!.shape.length), keepDims as boolean),
  );
  register('Mean', ['x'], (g, [x], { axis, keepDims }) =>
    g.reduce('ReduceMean', x!, axesOf(axis, x!.shape.length), keepDims as boolean),
  );
  // The two name their axes differently.
  register('Max', ['x'], (g, [x], { reductionIndices, keepDims }) =>
    g.reduce('ReduceMax', x!, axesOf(reductionIndices, x!.shape.length), keepDims as boolean),
  );
  register('Min', ['x'], (g, [x], { axis, keepDims }) =>
    g.reduce('ReduceMin', x!, axesOf(axis, x!.shape.length), keepDims as boolean),
  );
  register('Softmax', ['logits'], (g, [x], { dim }) =>
    g.one('Softmax', [x!], x!.shape, 'float32', { axis: dim as number }),
  );
  register('LogSoftmax', ['logits'], (g, [x], { axis }) =>
    g.one('LogSoftmax', [x!], x!.shape, 'float32', { axis: axis as number }),
  );

  register('BatchMatMul', ['a', 'b'], (g, [a, b], { transposeA, transposeB }) => {
    const options = { transA: transposeA as boolean, transB: transposeB as boolean };
    return a!.shape.length === 2 && b!.shape.length === 2
      ? g.gemm(a!, b!, options)
      : g.matmul(a!, b!, options);
  });

  register('GatherV2', ['x', 'indices'], (g, [x, indices], { axis, batchDims }) => {
    if (batchDims) throw new RangeError('GatherV2: batchDims is not recorded');
    const at = axesOf(axis ?? 0, x!.shape.length)[0]!;
    return g.one('Gather', [x!, indices!], x!.shape.toSpliced(at, 1, ...indices!.shape), x!.dtype, {
      axis: at,
    });
  });
  register('UnsortedSegmentSum', ['x', 'segmentIds'], (g, [x, ids], { numSegments }) =>
    g.scatterRows(x!, ids!, numSegments as number),
  );
  register('OneHot', ['indices'], (g, [indices], { depth, onValue, offValue, dtype }) => {
    const values = g.constant(Float32Array.of(offValue as number, onValue as number), [2], 'float32');
    const hot = g.one(
      'OneHot',
      [g.cast(indices!, 'int64'), g.integers([depth as number]), values],
      [...indices!.shape, depth as number],
    );
    return g.cast(hot, dtype as DType);
  });
  register('Slice', ['x'], (g, [x], { begin, size }) => {
    const [from, to] = [
      begin as number[],
      (size as number[]).map((n, i) => (n < 0 ? x!.shape[i]! : (begin as number[])[i]! + n)),
    ];
    const axes = x!.shape.map((_, i) => i).filter((i) => from[i] !== 0 || to[i] !== x!.shape[i]);
    if (axes.length === 0) return x!;
    const pick = (list: number[]): Value => g.integers(axes.map((i) => list[i]!));
    return g.one('Slice', [x!, pick(from), pick(to), g.integers(axes)], to.map((n, i) => n - from[i]!), x!.dtype); // prettier-ignore
  });
  register('SplitV', ['x'], (g, [x], { numOrSizeSplits, axis }) => {
    const at = axesOf(axis, x!.shape.length)[0]!;
    const sizes = Array.isArray(numOrSizeSplits)
      ? (numOrSizeSplits as number[])
      : Array.from({ length: numOrSizeSplits as number }, () => x!.shape[at]! / (numOrSizeSplits as number));
    return g.split(x!, sizes, at);
  });
  register('Concat', [], (g, inputs, { axis }) =>
    g.concat(inputs, axesOf(axis, inputs[0]!.shape.length)[0]!),
  );
  register('Pack', [], (g, inputs, { axis }) => {
    const at = axesOf(axis, inputs[0]!.shape.length + 1)[0]!;
    return g.concat(inputs.map((x) => g.reshape(x, x.shape.toSpliced(at, 0, 1))), at); // prettier-ignore
  });
  register('Unpack', ['value'], (g, [x], { axis }) => {
    const at = axesOf(axis, x!.shape.length)[0]!;
    const ones = Array.from({ length: x!.shape[at]! }, () => 1);
    const parts = g.split(x!, ones, at);
    return parts.map((part) => g.reshape(part, part.shape.toSpliced(at, 1)));
  });
  register('Tile', ['x'], (g, [x], { reps }) => {
    const times = reps as number[];
    return g.one('Tile', [x!, g.integers(times)], x!.shape.map((n, i) => n * times[i]!), x!.dtype); // prettier-ignore
  });
  register('PadV2', ['x'], (g, [x], { paddings, constantValue }) => {
    const pads = paddings as [number, number][];
    const shape = x!.shape.map((n, i) => n + pads[i]![0] + pads[i]![1]);
    const around = g.integers([...pads.map((p) => p[0]), ...pads.map((p) => p[1])]);
    const value = g.constant(toArray([constantValue as number], x!.dtype as tf.DataType), [], x!.dtype);
    return g.one('Pad', [x!, around, value], shape, x!.dtype);
  });
  register('Fill', [], (g, _, { shape, value, dtype }) =>
    filled(g, shape as number[], (dtype ?? 'float32') as DType, value as number),
  );
  register('ZerosLike', ['x'], (g, [x]) => filled(g, x!.shape, x!.dtype, 0));
  register('OnesLike', ['x'], (g, [x]) => filled(g, x!.shape, x!.dtype, 1));

  // Everything that this folder writes down by hand goes through one kernel, whose attribute is the writing itself.
  tf.registerKernel({
    kernelName: 'Recorded',
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) =>
      (attrs as unknown as { write: Write })
        .write(currentGraph(), (inputs as unknown as tf.TensorInfo[]).map(valueOf))
        .map(infoOf),
  });
}

/** True while a program is recorded for onnxruntime; false while tensors are computed at once. */
export function recording(): boolean {
  return graph !== undefined;
}

/** Marks a value of the forward pass that its later part can be computed again from; see recompute.ts. */
export function boundary(x: tf.Tensor): void {
  graph?.boundaries.add(valueOf(x));
}

/** Marks the end of the forward pass. */
export function endForward(): void {
  if (graph?.forward.size === 0) for (const node of graph.nodes) graph.forward.add(node);
}

/** Appends operations by hand. */
export function record(inputs: readonly tf.Tensor[], write: Write): tf.Tensor[] {
  const named = [...inputs] as unknown as tf.NamedTensorMap;
  return tf
    .engine()
    .runKernel('Recorded', named, { write } as unknown as tf.NamedAttrMap) as unknown as tf.Tensor[];
}

/**
 * Does `body` over and over inside the program that is recorded, at most `limit` times and while `again` is true ([] bool):
 * from the number of the turn ([] int32) and what is carried to what is carried on, of the same shapes and types. Gives what
 * is carried in the end.
 */
export function loop(
  limit: number,
  initial: readonly tf.Tensor[],
  body: (turn: tf.Tensor, carried: tf.Tensor[]) => { again: tf.Tensor; carried: readonly tf.Tensor[] },
): tf.Tensor[] {
  return record(initial, (g, values) =>
    g.loop(limit, values, (turn, inside) => {
      const { again, carried } = body(tensorOf(turn), inside.map(tensorOf));
      return [again, ...carried].map(valueOf);
    }),
  );
}

/** What `f` makes of tensors of one shape, element by element, and of scalars; in a recorded program part after part. */
export function inParts(whole: readonly tf.Tensor[], f: (part: tf.Tensor[]) => tf.Tensor[]): tf.Tensor[] {
  if (!graph) return f([...whole]);
  return record(whole, (g, values) => g.inParts(values, (part) => f(part.map(tensorOf)).map(valueOf)));
}

/** Σ x² []. */
export function sumOfSquares(x: tf.Tensor): tf.Tensor {
  if (!graph) return x.square().sum();
  const axes = x.shape.map((_, axis) => axis);
  return record([x], (g, [value]) => [g.reduce('ReduceSumSquare', value!, axes, false)])[0]!;
}

/** Matrix products inside `f` are float32 whatever the precision of the program that is recorded. */
export function inFloat32<T>(f: () => T): T {
  return graph ? graph.inFloat32(f) : f();
}

/** Runs `program` on symbolic tensors and returns the graph that it writes; throws what the operations throw. */
export function recordGraph(
  program: (
    input: (name: string, shape: Shape, dtype: DType, half?: string) => tf.Tensor,
  ) => Readonly<Record<string, tf.Tensor>>,
  target?: Partial<Target>,
): { graph: Graph; outputs: { name: string; value: Value }[] } {
  registerKernels();
  if (graph) throw new Error('a program is being recorded already');
  const previous = tf.getBackend();
  const made = new Graph(target);
  graph = made;
  // Synchronous for a backend made by a plain function; its promise only says so once more.
  void tf.setBackend(BACKEND);
  tf.engine().startScope();
  try {
    const outputs = program((name, shape, dtype, half) =>
      tf.engine().makeTensorFromTensorInfo(infoOf(made.input(name, shape, dtype, half))),
    );
    return {
      graph: made,
      outputs: Object.entries(outputs).map(([name, tensor]) => ({ name, value: valueOf(tensor) })),
    };
  } finally {
    tf.engine().endScope();
    graph = undefined;
    if (previous) void tf.setBackend(previous);
  }
}
