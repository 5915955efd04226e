/** The state of programs of the onnx engine (trained tensors, optimiser moments). */
import type * as ort from 'onnxruntime-node';
import { checkLength, named } from '../check-arrays.ts';
import type { Shape, State, TensorTypes } from '../types.ts';
import { tensorOf, typeOf } from './operands.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** Named tensors on the host; programs write into their buffers. */
export class OnnxState implements State {
  readonly types: TensorTypes;
  readonly tensors = new Map<string, ort.Tensor>();
  /**
   * Buffers for new tensors while a run still reads the old ones; they take turns with `tensors`, so that no
   * step allocates.
   */
  readonly #spare = new Map<string, ort.Tensor>();

  constructor(arrays: Readonly<Record<string, { shape: Shape; data: Float32Array }>>) {
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
    this.write(Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])));
  }

  read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, Float32Array>> {
    return new Promise((resolve) => {
      resolve(Object.fromEntries(names.map((name) => [name, Float32Array.from(this.#data(name))])));
    });
  }

  write(arrays: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(arrays)) {
      const { shape } = named(name, this.types[name]);
      checkLength(name, data, shape);
      this.tensors.set(name, tensorOf(Float32Array.from(data), shape));
    }
  }

  clear(names: readonly string[]): void {
    for (const name of names) this.#data(name).fill(0);
  }

  #data(name: string): Float32Array {
    return named(name, this.tensors.get(name)).data as Float32Array;
  }

  /** A tensor of this name's type for a run to write; `replace` then exchanges it with the present one. */
  spare(name: string): ort.Tensor {
    const { shape } = this.types[name]!;
    const tensor = this.#spare.get(name) ?? tensorOf(new Float32Array(sizeOf(shape)), shape);
    this.#spare.set(name, tensor);
    return tensor;
  }

  /** Makes the spare tensor the present one. */
  replace(name: string): void {
    const [old, next] = [this.tensors.get(name)!, this.#spare.get(name)!];
    this.tensors.set(name, next);
    this.#spare.set(name, old);
  }

  dispose(): void {
    this.tensors.clear();
    this.#spare.clear();
  }
}
