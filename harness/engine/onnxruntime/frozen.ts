/**
 * Frozen arrays (the base model) as onnxruntime reads them: as feeds, or as weights of a model. Every array
 * and every copy in half precision exists once, whatever number of programs reads it.
 */
import { closeSync, fstatSync, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { sizeOf, sum } from '../../support/numbers/arithmetic.ts';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/numbers/float16.ts';
import type { Products } from '../graph/target.ts';
import { dtypeOf } from '../check-arrays.ts';
import {
  type FileLocation,
  type FrozenArray,
  type FrozenArrays,
  type FrozenType,
  type NumericArray,
  type PackedArray,
  type PackedPart,
  packedParts,
  partsOf,
  type Shape,
  type StoredArray,
} from '../types.ts';
import type { ElementType } from './device/native.ts';
import { isPackedPart, PREFIX, tensorOf, typeOf } from './operands.ts';
import { NamedMemory } from './result-memory.js';
import type { Operand, PlacedTensor } from './session.ts';

/** Weights of more bytes than this, and packed ones, are mapped from a file, not copied into the model. */
const EMBEDDED = 64 * 2 ** 20;

/** The most bytes that one call reads from a file or writes to it. */
const MOVED_AT_ONCE = 2 ** 30;

/** The file of weights that no checkpoint holds as they are. */
const SPILLED = 'weights';

/** Numbers of a feed; for a model also the bits of half precision, or the bytes of a packed part. */
type FrozenData = NumericArray | Uint16Array | Uint8Array;
/** The value of a graph input. */
interface Stored {
  readonly shape: Shape;
  readonly bytes: number;
  readonly location?: FileLocation | undefined;
  data(): FrozenData;
}

/** A device's memory, which sessions share. */
export interface FeedMemory {
  /** A tensor of these numbers, which nobody changes. */
  place(data: NumericArray | Uint16Array, type: ElementType, dims: Shape): PlacedTensor;
  release(tensor: PlacedTensor): void;
}

/** Weights of a model: their numbers, or their places in files of one folder. */
export interface Initializers {
  readonly parts: ReadonlyMap<string, FrozenData | FileLocation>;
  readonly folder?: string;
}

export class OnnxFrozen implements FrozenArrays {
  readonly types: FrozenArrays['types'];
  /** Buffers that the programs of these arrays share. */
  readonly memory = new NamedMemory();
  readonly #arrays: Readonly<Record<string, FrozenArray>>;
  readonly #products: Products;
  readonly #halves = new Map<string, FrozenData>();
  readonly #feeds = new Map<string, Operand>();
  readonly #placed: PlacedTensor[] = [];
  readonly #device: FeedMemory | undefined;
  /** Places in the file of spilled weights. */
  readonly #spilled = new Map<string, FileLocation>();
  #spillFolder: string | undefined;

  /** With a device, feeds lie in its memory. */
  constructor(arrays: Readonly<Record<string, FrozenArray>>, products: Products, device?: FeedMemory) {
    this.#arrays = arrays;
    this.#products = products;
    this.#device = device;
    this.types = Object.fromEntries(Object.entries(arrays).map(([name, array]) => [name, frozenType(array)]));
  }

  /** The tensor that a graph input is fed. */
  feed(input: string): Operand {
    const known = this.#feeds.get(input);
    if (known) return known;
    const { shape, data } = this.#stored(input);
    // Parts of packed weights are never fed, and without a device bits of half precision neither
    // (onnxruntime-node takes no bfloat16).
    const fed = data() as NumericArray | Uint16Array;
    const tensor = this.#onDevice(fed, shape) ?? tensorOf(fed as NumericArray, shape);
    this.#feeds.set(input, tensor);
    return tensor;
  }

  #onDevice(data: NumericArray | Uint16Array, shape: Shape): PlacedTensor | undefined {
    if (!this.#device) return undefined;
    const type = data instanceof Uint16Array ? this.#products.precision : dtypeOf(data);
    const tensor = this.#device.place(data, type, shape);
    this.#placed.push(tensor);
    return tensor;
  }

  /** The arrays of these graph inputs as weights of a model. */
  initializers(inputs: readonly string[]): Initializers {
    const stored = new Map(inputs.map((input) => [input, this.#stored(input)]));
    const bytesOf = (some: readonly string[]): number => sum(some.map((input) => stored.get(input)!.bytes));
    const embedded = (some: readonly string[]): [string, FrozenData][] =>
      some.map((input) => [input, stored.get(input)!.data()]);
    const packed = inputs.filter(isPackedPart);
    if (packed.length === 0 && bytesOf(inputs) <= EMBEDDED) return { parts: new Map(embedded(inputs)) };

    const folderOf = (input: string): string | undefined => {
      const { location } = stored.get(input)!;
      return location && dirname(location.file);
    };
    // A session reads files of one folder: the checkpoint's. A method's frozen arrays beside it are small; the
    // other tensors of a checkpoint in half precision are large, and fed.
    const folder = [...packed, ...inputs].map(folderOf).find((found) => found !== undefined);
    const inside = inputs.filter((input) => folderOf(input) === folder);
    const outside = inputs.filter((input) => folderOf(input) !== folder);
    const isLarge = bytesOf(outside) > EMBEDDED;
    if (folder === undefined || (isLarge && packed.length === 0)) return this.#spill(embedded(inputs));
    const mapped = inside.map((input): [string, FileLocation] => {
      const { file, offset } = stored.get(input)!.location!;
      return [input, { file: basename(file), offset }];
    });
    const copied = isLarge ? [] : embedded(outside);
    return { parts: new Map<string, FrozenData | FileLocation>([...copied, ...mapped]), folder };
  }

  dispose(): void {
    if (this.#spillFolder) rmSync(this.#spillFolder, { recursive: true, force: true });
    this.#spillFolder = undefined;
    this.#spilled.clear();
    for (const tensor of this.#placed.splice(0)) this.#device!.release(tensor);
    this.#feeds.clear();
  }

  #stored(input: string): Stored {
    const slash = input.indexOf('/') + 1;
    const [prefix, key] = [input.slice(0, slash), input.slice(slash)];
    const array = this.#arrays[key]!;
    const part = packedParts.find((each) => PREFIX[each] === prefix);
    if (part) return partOf(array as PackedArray, part);
    if ('packed' in array) throw new TypeError(`${key} is packed: only linear and unpacked read it`);
    const { shape, location } = array;
    const data = (): NumericArray => ('data' in array ? array.data : readNumbers(array));
    if (prefix === PREFIX.frozen) return { shape, bytes: 4 * sizeOf(shape), location, data };
    const half = this.#halves.get(input) ?? toHalf(data() as Float32Array, this.#products);
    this.#halves.set(input, half);
    return { shape, bytes: half.byteLength, data: () => half };
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

function frozenType(array: FrozenArray): FrozenType {
  const { shape } = array;
  if ('packed' in array) return { shape, dtype: 'float32', packed: array.packed };
  return 'data' in array ? typeOf(shape, array.data) : { shape, dtype: 'float32' };
}

const readNumbers = ({ shape, location }: StoredArray): Float32Array =>
  new Float32Array(readAll(location, 4 * sizeOf(shape)).buffer);

/** A part of a packed weight, which is read only where it cannot be mapped. */
function partOf({ packed }: PackedArray, part: PackedPart): Stored {
  const location = packed[part]!;
  const { bytes } = partsOf(packed).find((own) => own.part === part)!;
  return { shape: [bytes], bytes, location, data: () => readAll(location, bytes) };
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
    done += writeSync(file, bytes, done, Math.min(bytes.length - done, MOVED_AT_ONCE));
}

function readAll({ file, offset }: FileLocation, bytes: number): Uint8Array {
  const data = new Uint8Array(bytes);
  const opened = openSync(file, 'r');
  try {
    for (let done = 0, read; done < bytes; done += read) {
      read = readSync(opened, data, done, Math.min(bytes - done, MOVED_AT_ONCE), offset + done);
      if (read === 0) throw new RangeError(`${file} ends at byte ${offset + done}`);
    }
  } finally {
    closeSync(opened);
  }
  return data;
}
