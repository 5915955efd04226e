/** The state of programs of the onnx engine (trained tensors, optimiser moments). */
import * as ort from 'onnxruntime-node';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { checkLength, named } from '../check-arrays.ts';
import type { Shape, State, TensorTypes } from '../types.ts';
import { typeOf } from './operands.ts';
import type { Operand } from './session.ts';

/** Where a state's float32 tensors lie. */
export interface StateMemory<T extends Operand> {
  /** A tensor of any numbers. */
  allocate(type: 'float32', dims: Shape): T;
  /** A copy of the numbers on the host. */
  read(tensor: T): Float32Array | Promise<Float32Array>;
  write(tensor: T, data: Float32Array): void;
  clear(tensor: T): void;
  release(tensor: T): void;
}

/** The host's memory, which is garbage collected. */
export const hostMemory: StateMemory<ort.Tensor> = {
  allocate: (type, dims) => new ort.Tensor(type, new Float32Array(sizeOf(dims)), dims),
  read: ({ data }) => Float32Array.from(data as Float32Array),
  write: ({ data }, given) => {
    (data as Float32Array).set(given);
  },
  clear: ({ data }) => {
    (data as Float32Array).fill(0);
  },
  release: () => undefined,
};

/** Named tensors that programs write into. */
export class OnnxState<T extends Operand = Operand> implements State {
  readonly types: TensorTypes;
  readonly tensors = new Map<string, T>();
  /**
   * Tensors for new numbers while a run still reads the old ones; they take turns with `tensors`, so that no
   * step allocates.
   */
  readonly #spare = new Map<string, T>();
  readonly #memory: StateMemory<T>;

  constructor(
    memory: StateMemory<T>,
    arrays: Readonly<Record<string, { shape: Shape; data: Float32Array }>>,
  ) {
    this.#memory = memory;
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
    this.write(Object.fromEntries(Object.entries(arrays).map(([name, { data }]) => [name, data])));
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, Float32Array>> {
    const arrays: Record<string, Float32Array> = {};
    for (const name of names) arrays[name] = await this.#memory.read(this.#tensor(name));
    return arrays;
  }

  write(arrays: Readonly<Record<string, Float32Array>>): void {
    for (const [name, data] of Object.entries(arrays)) {
      const { shape } = named(name, this.types[name]);
      checkLength(name, data, shape);
      const tensor = this.tensors.get(name) ?? this.#memory.allocate('float32', shape);
      this.tensors.set(name, tensor);
      this.#memory.write(tensor, data);
    }
  }

  clear(names: readonly string[]): void {
    for (const name of names) this.#memory.clear(this.#tensor(name));
  }

  #tensor(name: string): T {
    return named(name, this.tensors.get(name));
  }

  /** A tensor of this name's type for a run to write; `replace` then exchanges it with the present one. */
  spare(name: string): T {
    const tensor = this.#spare.get(name) ?? this.#memory.allocate('float32', this.types[name]!.shape);
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
    for (const tensor of [...this.tensors.values(), ...this.#spare.values()]) this.#memory.release(tensor);
    this.tensors.clear();
    this.#spare.clear();
  }
}
