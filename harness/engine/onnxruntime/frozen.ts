/**
 * Frozen arrays (the base model) as onnxruntime reads them: as feeds, or as weights of a model. Every array
 * and every copy in half precision exists once, whatever number of programs reads it.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { sum } from '../../support/arithmetic.ts';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/float16.ts';
import type { Products } from '../graph/target.ts';
import { dtypeOf } from '../check-arrays.ts';
import type { FileLocation, FrozenArray, FrozenArrays, NumericArray, Shape, TensorTypes } from '../types.ts';
import { DeviceTensor } from './device/device-tensor.ts';
import type { DeviceMemory } from './device/device-memory.ts';
import { PREFIX, tensorOf, typeOf } from './operands.ts';
import { NamedMemory } from './result-memory.js';
import type { Operand } from './session.ts';

/** Weights of more bytes than this are mapped from a file instead of being copied into the model. */
const EMBEDDED = 64 * 2 ** 20;

/** The most bytes that one call writes to a file. */
const WRITTEN_AT_ONCE = 2 ** 30;

/** The file of weights that no checkpoint holds as they are. */
const SPILLED = 'weights';

/** Numbers of a feed, or the bits of half precision for a model. */
type FrozenData = NumericArray | Uint16Array;
type Stored = Omit<FrozenArray, 'data'> & { readonly data: FrozenData };

/** Weights of a model: their numbers, or their places in files of one folder. */
export interface Initializers {
  readonly parts: ReadonlyMap<string, FrozenData | FileLocation>;
  readonly folder?: string;
}

export class OnnxFrozen implements FrozenArrays {
  readonly types: TensorTypes;
  /** Buffers that the programs of these arrays share. */
  readonly memory = new NamedMemory();
  readonly #arrays: Readonly<Record<string, FrozenArray>>;
  readonly #products: Products;
  readonly #halves = new Map<string, FrozenData>();
  readonly #feeds = new Map<string, Operand>();
  readonly #device: DeviceMemory | undefined;
  /** Places in the file of spilled weights. */
  readonly #spilled = new Map<string, FileLocation>();
  #spillFolder: string | undefined;

  /** With a device, feeds lie in its memory. */
  constructor(arrays: Readonly<Record<string, FrozenArray>>, products: Products, device?: DeviceMemory) {
    this.#arrays = arrays;
    this.#products = products;
    this.#device = device;
    const types = Object.entries(arrays).map(([name, { shape, data }]) => [name, typeOf(shape, data)]);
    this.types = Object.fromEntries(types) as TensorTypes;
  }

  /** The tensor that a graph input is fed. */
  feed(input: string): Operand {
    const known = this.#feeds.get(input);
    if (known) return known;
    const { shape, data } = this.#stored(input);
    // Without a device, bits of half precision are never fed (onnxruntime-node takes no bfloat16).
    const tensor = this.#onDevice(data, shape) ?? tensorOf(data as NumericArray, shape);
    this.#feeds.set(input, tensor);
    return tensor;
  }

  #onDevice(data: FrozenData, shape: Shape): DeviceTensor | undefined {
    if (!this.#device) return undefined;
    const { precision } = this.#products;
    const tensor = this.#device.allocate(data instanceof Uint16Array ? precision : dtypeOf(data), shape);
    this.#device.write(tensor, data);
    return tensor;
  }

  /** The arrays of these graph inputs as weights of a model. */
  initializers(inputs: readonly string[]): Initializers {
    const stored = new Map(inputs.map((input) => [input, this.#stored(input)]));
    const bytesOf = (some: readonly string[]): number =>
      sum(some.map((input) => stored.get(input)!.data.byteLength));
    const embedded = (some: readonly string[]): [string, FrozenData][] =>
      some.map((input) => [input, stored.get(input)!.data]);
    if (bytesOf(inputs) <= EMBEDDED) return { parts: new Map(embedded(inputs)) };

    const folderOf = (input: string): string | undefined => {
      const { location } = stored.get(input)!;
      return location && dirname(location.file);
    };
    // A session reads files of one folder: the checkpoint's. A method's frozen arrays beside it are small.
    const folder = inputs.map(folderOf).find((found) => found !== undefined);
    const inside = inputs.filter((input) => folderOf(input) === folder);
    const outside = inputs.filter((input) => folderOf(input) !== folder);
    if (folder === undefined || bytesOf(outside) > EMBEDDED) return this.#spill(embedded(inputs));
    const mapped = inside.map((input): [string, FileLocation] => {
      const { file, offset } = stored.get(input)!.location!;
      return [input, { file: basename(file), offset }];
    });
    return { parts: new Map<string, FrozenData | FileLocation>([...embedded(outside), ...mapped]), folder };
  }

  dispose(): void {
    if (this.#spillFolder) rmSync(this.#spillFolder, { recursive: true, force: true });
    this.#spillFolder = undefined;
    this.#spilled.clear();
    for (const tensor of this.#feeds.values())
      if (tensor instanceof DeviceTensor) this.#device!.release(tensor);
    this.#feeds.clear();
  }

  #stored(input: string): Stored {
    if (!input.startsWith(PREFIX.half)) return this.#arrays[input.slice(PREFIX.frozen.length)]!;
    const { shape, data } = this.#arrays[input.slice(PREFIX.half.length)]!;
    const half = this.#halves.get(input) ?? toHalf(data as Float32Array, this.#products);
    this.#halves.set(input, half);
    return { shape, data: half };
  }

  /**
   * Writes weights that lie in no file as they are (half precision, random bases) to a temporary one, each
   * once.
   */
  #spill(arrays: readonly (readonly [string, FrozenData])[]): Initializers {
    this.#spillFolder ??= this.#createSpillFolder();
    const folder = this.#spillFolder;
    const file = openSync(join(folder, SPILLED), 'a');
    for (const [input, data] of arrays) {
      if (this.#spilled.has(input)) continue;
      this.#spilled.set(input, { file: SPILLED, offset: fstatSync(file).size });
      writeAll(file, data);
    }
    closeSync(file);
    return { parts: new Map(arrays.map(([input]) => [input, this.#spilled.get(input)!])), folder };
  }

  #createSpillFolder(): string {
    process.once('exit', () => {
      this.dispose();
    });
    return mkdtempSync(join(tmpdir(), 'deltabench-'));
  }
}

/** Numbers in half precision: their bits where the device multiplies them, otherwise rounded float32. */
function toHalf(data: Float32Array, { precision, native }: Products): FrozenData {
  const [narrow, widen] =
    precision === 'bfloat16' ? [narrowToBfloats, widenBfloats] : [narrowToHalves, widenHalves];
  const bits = narrow(data);
  if (native) return bits;
  const rounded = new Float32Array(data.length);
  widen(bits, rounded);
  return rounded;
}

function writeAll(file: number, data: FrozenData): void {
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  for (let done = 0; done < bytes.length;)
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, WRITTEN_AT_ONCE));
}
