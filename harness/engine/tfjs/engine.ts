/** The engines of tfjs: they run programs operation by operation and record nothing. */
import * as tf from './library.ts';
import { checkedInput, checkLength, checkReplacement, dtypeOf, named } from '../check-arrays.ts';
import {
  type Draw,
  type Engine,
  type EngineName,
  type FrozenArrays,
  type FrozenArray,
  type NamedArrays,
  type NumericArray,
  type PlainArray,
  type ProgramFunction,
  type Shape,
  type Signature,
  type State,
  type TensorTypes,
} from '../types.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { usePlainKernels } from './plain-kernels.ts';

/** A copy on the backend; tfjs's plain backend would otherwise share the array with its owner. */
const tensorOf = (data: NumericArray, shape: Shape): tf.Tensor =>
  tf.tensor(data.slice(), [...shape], dtypeOf(data));

/** Named tensors of one backend: frozen arrays, or state. */
class EagerTensors implements FrozenArrays, State {
  readonly types: TensorTypes;
  readonly tensors = new Map<string, tf.Tensor>();
  readonly #backend: string;

  constructor(backend: string, arrays: Readonly<Record<string, PlainArray>>) {
    this.#backend = backend;
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, { shape, dtype: dtypeOf(data) }]),
    );
    this.#fill(Object.entries(arrays).map(([name, { data }]) => [name, data]));
  }

  #fill(arrays: readonly (readonly [string, NumericArray])[]): void {
    void tf.setBackend(this.#backend);
    for (const [name, data] of arrays) {
      const { shape } = named(name, this.types[name]);
      checkLength(name, data, shape);
      const old = this.tensors.get(name);
      this.tensors.set(name, tf.keep(tensorOf(data, shape)));
      old?.dispose();
    }
  }

  async read(names: readonly string[] = [...this.tensors.keys()]): Promise<Record<string, Float32Array>> {
    const copies: [string, Float32Array][] = [];
    for (const name of names)
      copies.push([name, Float32Array.from(await named(name, this.tensors.get(name)).data())]);
    return Object.fromEntries(copies);
  }

  write(arrays: Readonly<Record<string, Float32Array>>): void {
    this.#fill(Object.entries(arrays));
  }

  clear(names: readonly string[]): void {
    this.#fill(names.map((name) => [name, new Float32Array(this.tensors.get(name)?.size ?? 0)]));
  }

  /** Puts other tensors in the place of those with their names, which are disposed. */
  replace(tensors: Readonly<Record<string, tf.Tensor>>): void {
    for (const [name, tensor] of Object.entries(tensors)) {
      this.tensors.get(name)?.dispose();
      this.tensors.set(name, tensor);
    }
  }

  dispose(): void {
    for (const tensor of this.tensors.values()) tensor.dispose();
    this.tensors.clear();
  }
}

/** Throws RangeError where an array is packed or in a file alone: tfjs has no type for codes, and maps nothing. */
function plainOf(
  engine: string,
  arrays: Readonly<Record<string, FrozenArray>>,
): Readonly<Record<string, PlainArray>> {
  const plain = Object.entries(arrays).map(([name, array]) => {
    if (!('data' in array))
      throw new RangeError(`the engine ${engine} has no packed bases, whose files hold ${name}`);
    return [name, array] as const;
  });
  return Object.fromEntries(plain);
}

/** An engine on a tfjs backend that is registered already. */
export function createEagerEngine(name: EngineName, device: string, backend: string): Engine {
  tf.enableProdMode();
  usePlainKernels();
  return {
    name,
    device,
    precision: 'float32',
    freeze: (arrays) => new EagerTensors(backend, plainOf(name, arrays)),
    state: (arrays) => new EagerTensors(backend, arrays),
    compile(signature, program) {
      const { frozen } = signature;
      if (!(frozen instanceof EagerTensors)) {
        return Promise.reject(
          new TypeError(`program ${signature.name}: its frozen arrays belong to another engine`),
        );
      }
      return Promise.resolve({
        nodes: undefined,
        async run(state, arrays, draw) {
          if (!(state instanceof EagerTensors)) {
            throw new TypeError(`program ${signature.name}: its state belongs to another engine`);
          }
          void tf.setBackend(backend);
          const returned = tf.tidy(() => runProgram(signature, program, frozen, state, arrays, draw));
          state.replace(returned.state);
          return readAway(returned.outputs);
        },
        dispose: () => Promise.resolve(),
      });
    },
  };
}

/** Runs a program on copies of its inputs. */
function runProgram(
  signature: Signature,
  program: ProgramFunction,
  frozen: EagerTensors,
  state: EagerTensors,
  arrays: NamedArrays,
  draw: Draw | undefined,
): { state: EagerOutputs; outputs: EagerOutputs } {
  const given = Object.entries(signature.inputs).map(([key, type]) => {
    const data = checkedInput(signature.name, key, arrays[key], type);
    return [key, tensorOf(data, type.shape)] as const;
  });
  const returned = program({
    frozen: Object.fromEntries(frozen.tensors),
    state: Object.fromEntries(state.tensors),
    inputs: Object.fromEntries(given),
    random(declared) {
      if (!draw)
        throw new Error(
          `program ${signature.name} needs random numbers (${declared.name}) and none are drawn`,
        );
      const values = new Float32Array(sizeOf(declared.shape));
      draw(declared, values);
      return tensorOf(values, declared.shape);
    },
  });
  for (const [key, tensor] of Object.entries(returned.state ?? {})) {
    checkReplacement(signature.name, key, tensor, signature.state[key]);
  }
  return { state: keepCopies(returned.state ?? {}), outputs: keepCopies(returned.outputs) };
}

type EagerOutputs = Readonly<Record<string, tf.Tensor>>;

/**
 * Clones survive the `tidy` around a program, also those of tensors that pass through unchanged while the old
 * state is disposed.
 */
const keepCopies = (tensors: EagerOutputs): EagerOutputs =>
  Object.fromEntries(Object.entries(tensors).map(([key, tensor]) => [key, tf.keep(tensor.clone())]));

/** Reads tensors and disposes them. */
async function readAway(tensors: EagerOutputs): Promise<NamedArrays> {
  const arrays: NamedArrays = {};
  for (const [key, tensor] of Object.entries(tensors)) {
    arrays[key] = (await tensor.data()) as NumericArray;
    tensor.dispose();
  }
  return arrays;
}
