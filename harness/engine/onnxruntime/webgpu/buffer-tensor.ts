/** A tensor whose numbers lie in a buffer of WebGPU. buffer-memory.ts makes it; programs pass it on as an operand. */
import type * as ort from 'onnxruntime-node';
import type { Shape } from '../../types.ts';

/** The element types of tensors; float16 as its bits. */
export type BufferType = 'float32' | 'int32' | 'float16';

export class BufferTensor {
  readonly type: BufferType;
  readonly dims: Shape;
  /** In a buffer, or on the host until a session reads it; undefined where nothing was written. */
  #value: ort.Tensor | undefined;

  constructor(type: BufferType, dims: Shape) {
    this.type = type;
    this.dims = dims;
  }

  get value(): ort.Tensor {
    if (this.#value) return this.#value;
    throw new RangeError('a tensor is read that was not written');
  }

  /** Takes other numbers and frees the buffer of the old ones. */
  replace(value: ort.Tensor): void {
    this.release();
    this.#value = value;
  }

  /** Frees the buffer. */
  release(): void {
    this.#value?.dispose();
    this.#value = undefined;
  }
}
