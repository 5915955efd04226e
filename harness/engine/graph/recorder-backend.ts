/**
 * A tfjs backend whose tensors name values of a graph. Kernels on it append operations to the graph that is
 * being recorded instead of computing, so that tfjs's own autodiff writes the whole training step down.
 * kernels.ts and recorder.ts use it; programs do not see it.
 */
import * as tf from '../tfjs/library.ts';
import type { NumericArray } from '../types.ts';
import type { Graph } from './graph.ts';
import type { DType, Value } from './node.ts';

export const BACKEND = 'recorder';

/** tfjs's handle of a tensor's data; here the value in the graph. */
interface Data {
  readonly value: Value;
}

let recorded: Graph | undefined;

/** The graph that is being recorded; undefined where tensors are computed at once. */
export const recordedGraph = (): Graph | undefined => recorded;

/** Begins to record into a graph, or stops. */
export function setRecordedGraph(graph: Graph | undefined): void {
  recorded = graph;
}

/** The graph that is being recorded; throws where there is none. */
export function currentGraph(): Graph {
  if (!recorded) throw new Error('no program is being recorded');
  return recorded;
}

export class RecorderBackend extends tf.KernelBackend {
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
  // Values belong to the graph, not to the tensors that name them, so there is nothing to dispose.
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

/** tfjs's element type as the graph's; throws TypeError for complex numbers and strings. */
export function toDType(dtype: tf.DataType): DType {
  if (dtype !== 'float32' && dtype !== 'int32' && dtype !== 'bool') {
    throw new TypeError(`recorded programs have no tensors of type ${dtype}`);
  }
  return dtype;
}

/** The typed array of an element type; booleans are bytes. */
export const arrayTypeOf = (dtype: string): typeof Float32Array | typeof Int32Array | typeof Uint8Array => {
  if (dtype === 'float32') return Float32Array;
  return dtype === 'int32' ? Int32Array : Uint8Array;
};

/** Numbers in the typed array of their element type. */
export const toArray = (values: ArrayLike<number>, dtype: string): NumericArray | Uint8Array =>
  arrayTypeOf(dtype).from(values);

/** The value that a recorded tensor names. */
export const valueOf = (info: tf.TensorInfo): Value => (info.dataId as Data).value;

/** A value as tfjs's kernels return it. */
export const infoOf = (value: Value): tf.TensorInfo => ({
  dataId: { value } satisfies Data,
  shape: [...value.shape],
  dtype: value.dtype as tf.DataType,
});

/** A tensor that names a value. */
export const tensorOf = (value: Value): tf.Tensor => tf.engine().makeTensorFromTensorInfo(infoOf(value));
