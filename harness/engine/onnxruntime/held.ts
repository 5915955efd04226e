import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, basename, join } from 'node:path';
import type * as ort from 'onnxruntime-node';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/float16.ts';
import {
  type FileLocation,
  type FrozenArrays,
  type FrozenArray,
  type NumericArray,
  type Shape,
  type TensorTypes,
} from '../types.ts';
import type { Products } from '../graph/target.ts';
import { PREFIX, tensorOf, typeOf } from './operands.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/** Weights above this many bytes are mapped from a file instead of being copied into the model. */
const EMBEDDED = 64 * 2 ** 20;

/** Bytes for a model, or the numbers of a feed. */
type HeldData = NumericArray | Uint16Array;

/** Arrays that programs read and never change, as feeds or as parts of their models. */
export class OnnxHeld implements FrozenArrays {
  readonly types: TensorTypes;
  readonly #arrays: Readonly<Record<string, FrozenArray>>;
  readonly #products: Products;
  readonly #halves = new Map<string, HeldData>();
  readonly #feeds = new Map<string, ort.Tensor>();
  readonly #places = new Map<string, FileLocation>();
  readonly #memory = new Map<string, Float32Array>();
  #spill: string | undefined;

  constructor(arrays: Readonly<Record<string, FrozenArray>>, products: Products) {
    this.#arrays = arrays;
    this.#products = products;
    this.types = Object.fromEntries(
      Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]),
    );
  }

  /** What a program's input is fed. */
  feed(input: string): ort.Tensor {
    const { shape, data } = this.#part(input);
    // Bits travel inside the model only: the binding takes no bfloat16.
    const tensor = this.#feeds.get(input) ?? tensorOf(data as NumericArray, shape);
    this.#feeds.set(input, tensor);
    return tensor;
  }

  #part(input: string): Omit<FrozenArray, 'data'> & { readonly data: HeldData } {
    if (!input.startsWith(PREFIX.half)) return this.#arrays[input.slice(PREFIX.held.length)]!;
    const { shape, data } = this.#arrays[input.slice(PREFIX.half.length)]!;
    const half = this.#halves.get(input) ?? toHalf(data as Float32Array, this.#products);
    this.#halves.set(input, half);
    return { shape, data: half };
  }

  /** The tensors of these inputs as parts of a model: their bytes, or places in files of one folder. */
  initializers(inputs: readonly string[]): {
    parts: Map<string, HeldData | FileLocation>;
    folder?: string;
  } {
    const data = new Map(inputs.map((input) => [input, this.#part(input)]));
    const bytes = (of: readonly string[]): number =>
      of.reduce((sum, input) => sum + data.get(input)!.data.byteLength, 0);
    const embedded = (of: readonly string[]): [string, HeldData][] =>
      of.map((input) => [input, data.get(input)!.data]);
    if (bytes(inputs) <= EMBEDDED) return { parts: new Map(embedded(inputs)) };
    const folderOf = (input: string): string | undefined => {
      const { location } = data.get(input)!;
      return location && dirname(location.file);
    };
    // A session reads files of one folder: the checkpoint's. What a method adds beside it is small.
    const folder = inputs.map(folderOf).find((found) => found !== undefined);
    const outside = inputs.filter((input) => folderOf(input) !== folder);
    if (folder !== undefined && bytes(outside) <= EMBEDDED) {
      const mapped = inputs
        .filter((input) => folderOf(input) === folder)
        .map((input): [string, FileLocation] => {
          const { file, offset } = data.get(input)!.location!;
          return [input, { file: basename(file), offset }];
        });
      return {
        parts: new Map<string, HeldData | FileLocation>([...embedded(outside), ...mapped]),
        folder,
      };
    }
    return { parts: this.#spilled(embedded(inputs)), folder: this.#spill! };
  }

  /** Memory that programs which compute one after the other share by its name. */
  memory(name: string, shape: Shape): ort.Tensor {
    const size = sizeOf(shape);
    const large = this.#memory.get(name);
    const numbers = large && large.length >= size ? large : new Float32Array(size);
    this.#memory.set(name, numbers);
    return tensorOf(numbers.subarray(0, size), shape);
  }

  /** Converted weights (half precision, random bases) go to a file of their own, each once. */
  #spilled(arrays: readonly (readonly [string, HeldData])[]): Map<string, FileLocation> {
    if (!this.#spill) {
      this.#spill = mkdtempSync(join(tmpdir(), 'deltabench-'));
      process.once('exit', () => {
        this.dispose();
      });
    }
    const file = openSync(join(this.#spill, 'weights'), 'a');
    for (const [input, data] of arrays) {
      if (this.#places.has(input)) continue;
      this.#places.set(input, { file: 'weights', offset: fstatSync(file).size });
      writeAll(file, data);
    }
    closeSync(file);
    return new Map(arrays.map(([input]) => [input, this.#places.get(input)!]));
  }

  dispose(): void {
    if (this.#spill) rmSync(this.#spill, { recursive: true, force: true });
    this.#spill = undefined;
    this.#places.clear();
  }
}

/** Numbers in half precision: their bits where the device multiplies them, else rounded. */
function toHalf(data: Float32Array, { precision, native }: Products): HeldData {
  const [narrow, widen] =
    precision === 'bfloat16' ? [narrowToBfloats, widenBfloats] : [narrowToHalves, widenHalves];
  const bits = narrow(data);
  if (native) return bits;
  const rounded = new Float32Array(data.length);
  widen(bits, rounded);
  return rounded;
}

function writeAll(file: number, data: HeldData): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, 2 ** 30));
}
