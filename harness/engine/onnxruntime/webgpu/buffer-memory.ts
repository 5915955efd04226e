/**
 * WebGPU's buffers as the memory of state and frozen weights, which all sessions of the process share.
 * onnxruntime-node leaves results in buffers (preferredOutputLocation) and takes them as feeds, but neither fills
 * nor reads one: sessions of one Identity do. engine.ts uses it with buffer-session.ts.
 */
import * as ort from 'onnxruntime-node';
import { sizeOf } from '../../../support/numbers/arithmetic.ts';
import { encodeModel } from '../../graph/encode-onnx.ts';
import { Graph } from '../../graph/graph.ts';
import type { Shape } from '../../types.ts';
import type { StateMemory } from '../state.ts';
import { BufferTensor, type BufferType } from './buffer-tensor.ts';

type Location = 'cpu' | 'gpu-buffer';

export class BufferMemory implements StateMemory<BufferTensor> {
  /** Sessions that copy a tensor, by where to and by its type and shape. */
  readonly #copies = new Map<string, Promise<ort.InferenceSession>>();

  allocate(type: BufferType, dims: Shape): BufferTensor {
    return new BufferTensor(type, dims);
  }

  /** A tensor of these numbers, which the caller changes no more. */
  place(data: Float32Array | Int32Array | Uint16Array, type: BufferType, dims: Shape): BufferTensor {
    const tensor = this.allocate(type, dims);
    tensor.replace(new ort.Tensor(type, data, dims));
    return tensor;
  }

  async read({ value, type, dims }: BufferTensor): Promise<Float32Array> {
    if (value.location === 'cpu') return Float32Array.from(value.data as Float32Array);
    const copy = await this.#copy(value, 'cpu', type, dims);
    return copy.data as Float32Array;
  }

  write(tensor: BufferTensor, data: Float32Array): void {
    tensor.replace(new ort.Tensor(tensor.type, Float32Array.from(data), tensor.dims));
  }

  clear(tensor: BufferTensor): void {
    tensor.replace(new ort.Tensor(tensor.type, new Float32Array(sizeOf(tensor.dims)), tensor.dims));
  }

  release(tensor: BufferTensor): void {
    tensor.release();
  }

  /** Brings the numbers of a tensor to a buffer, where they are not there. */
  async keep(tensor: BufferTensor): Promise<void> {
    const { value, type, dims } = tensor;
    if (value.location === 'cpu') tensor.replace(await this.#copy(value, 'gpu-buffer', type, dims));
  }

  async #copy(from: ort.Tensor, to: Location, type: BufferType, dims: Shape): Promise<ort.Tensor> {
    const key = `${to} ${type} ${dims.join(' ')}`;
    const session = this.#copies.get(key) ?? openCopy(to, type, dims);
    this.#copies.set(key, session);
    return (await (await session).run({ from })).to!;
  }
}

function openCopy(location: Location, type: BufferType, dims: Shape): Promise<ort.InferenceSession> {
  const graph = new Graph({ provider: 'webgpu' });
  const value = graph.one('Identity', [graph.input('from', dims, type)], dims, type);
  const outputs = [{ name: 'to', value }];
  const { model } = encodeModel({ nodes: graph.nodes, outputs, initializers: new Map<string, never>() });
  return ort.InferenceSession.create(model, {
    executionProviders: ['webgpu'],
    preferredOutputLocation: location,
    logSeverityLevel: 4,
  });
}
