// @ts-check
/**
 * Tensors that a session writes its results into. JavaScript, since session-worker.js uses it too, where no
 * TypeScript is loaded.
 */
import { Tensor } from 'onnxruntime-node';

/**
 * A new tensor of zeros; throws TypeError for types that no program returns.
 * @param {string} type 'float32' or 'int32'
 * @param {readonly number[]} dims
 * @returns {Tensor}
 */
export function blankTensor(type, dims) {
  const size = sizeOf(dims);
  if (type === 'float32') return new Tensor(type, new Float32Array(size), dims);
  if (type === 'int32') return new Tensor(type, new Int32Array(size), dims);
  throw new TypeError(`a program gives no ${type}`);
}

/**
 * Float32 buffers by name. Programs that run one after the other share them, and no run allocates its own.
 */
export class NamedMemory {
  /** @type {Map<string, Float32Array<ArrayBuffer>>} */
  #buffers = new Map();

  /**
   * A tensor over the buffer of this name, which grows where it is too small; it holds what was last written there.
   * @param {string} name
   * @param {readonly number[]} dims
   * @returns {Tensor}
   */
  tensor(name, dims) {
    const size = sizeOf(dims);
    const known = this.#buffers.get(name);
    const buffer = known && known.length >= size ? known : new Float32Array(size);
    this.#buffers.set(name, buffer);
    return new Tensor('float32', buffer.subarray(0, size), dims);
  }
}

/**
 * How many elements a tensor of these dimensions has; support/numbers/arithmetic.ts is TypeScript.
 * @param {readonly number[]} dims
 */
function sizeOf(dims) {
  return dims.reduce((product, n) => product * n, 1);
}
