/**
 * Reads and writes safetensors files. Every number in a header is checked against the file before it is used.
 */
import type { FileHandle } from 'node:fs/promises';
import { writeAtomically, type BeforeRename } from '../../support/atomic-files.ts';
import { UsageError } from '../../support/errors.ts';
import { withFile } from '../../support/read-files.ts';
import { isObject } from '../../support/json/json-object.ts';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/numbers/float16.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/** The element types of the format, with their size in bits. */
const elementBits = {
  BOOL: 8,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  I64: 64,
  U64: 64,
  F64: 64,
} as const;
/** The name of an element type, as the header writes it. */
export type Dtype = keyof typeof elementBits;

/** The element types that numbers are written in. */
export type StoredDtype = 'F32' | 'F16' | 'BF16';

/** A tensor's type, shape and position; `begin` and `end` are byte offsets from the start of the file. */
export interface TensorInfo {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** An opened safetensors file. No file handle stays open between reads, so there is nothing to close. */
export interface Safetensors {
  readonly path: string;
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  readonly metadata: Readonly<Record<string, string>>;
  /**
   * Reads one tensor's values, widened from F16 or BF16. Throws UsageError for an unknown name, any other
   * type but F32, or a file cut short.
   */
  read(name: string): Promise<Float32Array>;
  /** Reads one tensor's bytes. Throws UsageError for an unknown name, or a file cut short. */
  readBytes(name: string): Promise<Uint8Array>;
}

const maxHeaderBytes = 100_000_000;
/**
 * Bytes per read or write call. The system moves less than 2 GiB at once; 64 MiB is fast and needs little
 * memory.
 */
const chunkBytes = 1 << 26;

/**
 * Opens a safetensors file and checks its header. Throws UsageError where the file is missing or cut short,
 * or does not match its header.
 */
export async function openSafetensors(path: string): Promise<Safetensors> {
  const { tensors, metadata } = await withFile(path, async (file) => {
    const { size } = await file.stat();
    return parseHeader(path, await readHeader(path, file, size), size);
  });
  const find = (name: string): TensorInfo => {
    const info = tensors.get(name);
    if (!info) throw new UsageError(`${path} has no tensor "${name}".`);
    return info;
  };
  return {
    path,
    tensors,
    metadata,
    async read(name) {
      const info = find(name);
      return withFile(path, (file) => readTensor(path, file, name, info));
    },
    async readBytes(name) {
      const { begin, end } = find(name);
      const bytes = new Uint8Array(end - begin);
      await withFile(path, (file) => fill(path, file, bytes, begin));
      return bytes;
    },
  };
}

async function readHeader(path: string, file: FileHandle, size: number): Promise<Buffer> {
  if (size < 8) throw broken(path, `it has ${size} bytes, and 8 is the least; it was cut short or is empty`);
  const prefix = Buffer.alloc(8);
  await fill(path, file, prefix, 0);
  const length = prefix.readBigUInt64LE();
  if (length > maxHeaderBytes)
    throw broken(path, `its header claims ${length} bytes (the format allows 100 MB)`);
  if (8 + Number(length) > size) {
    throw broken(
      path,
      `its header claims ${length} bytes, but the file has ${size}; it was cut short or is another format`,
    );
  }
  const header = Buffer.alloc(Number(length));
  await fill(path, file, header, 8);
  return header;
}

function parseHeader(path: string, bytes: Buffer, size: number): Pick<Safetensors, 'tensors' | 'metadata'> {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw broken(path, 'its header is not JSON');
  }
  if (!isObject(header)) throw broken(path, 'its header is not a JSON object');
  let metadata: Record<string, string> = {};
  const found: [string, TensorInfo][] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === '__metadata__') metadata = checkMetadata(path, value);
    else found.push([name, checkTensor(path, name, value, 8 + bytes.length)]);
  }
  found.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  // The format demands data without gaps, so that no bytes can hide between the tensors.
  let end = 8 + bytes.length;
  for (const [name, info] of found) {
    if (info.begin !== end) {
      throw broken(
        path,
        `tensor "${name}" begins at byte ${info.begin}, but the one before it ends at ${end}`,
      );
    }
    end = info.end;
  }
  if (end > size)
    throw broken(path, `its tensors need ${end} bytes, but the file has ${size}; it was cut short`);
  if (end < size) throw broken(path, `its tensors end at byte ${end}, but the file has ${size}`);
  return { tensors: new Map(found), metadata };
}

function checkMetadata(path: string, value: unknown): Record<string, string> {
  if (!isObject(value)) throw broken(path, '__metadata__ is not a JSON object');
  const entries = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text !== 'string') throw broken(path, `__metadata__ "${key}" is not a string`);
    return [key, text];
  });
  return Object.fromEntries(entries);
}

function checkTensor(path: string, name: string, value: unknown, dataBegin: number): TensorInfo {
  const wrong = (what: string) => broken(path, `tensor "${name}" ${what}`);
  if (!isObject(value)) throw wrong('is not described by a JSON object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== 'string' || !isDtype(dtype))
    throw wrong(`has the unknown type ${JSON.stringify(dtype)}`);
  if (!isCounts(shape)) throw wrong('has a shape that is not a list of whole numbers');
  if (!isCounts(offsets) || offsets.length !== 2)
    throw wrong('has data_offsets that are not two whole numbers');
  const [begin, end] = offsets as [number, number];
  const bytes = (sizeOf(shape) * elementBits[dtype]) / 8;
  if (!Number.isSafeInteger(bytes)) throw wrong(`has a shape too large to be true: [${shape.join(', ')}]`);
  if (end - begin !== bytes) {
    throw wrong(`claims ${end - begin} bytes, but ${dtype} [${shape.join(', ')}] takes ${bytes}`);
  }
  return { dtype, shape, begin: dataBegin + begin, end: dataBegin + end };
}

async function readTensor(
  path: string,
  file: FileHandle,
  name: string,
  { dtype, begin, end }: TensorInfo,
): Promise<Float32Array> {
  // The format is little-endian, and so are typed arrays on every platform that the packages used here
  // support.
  if (dtype === 'F32') {
    const values = new Float32Array((end - begin) / 4);
    await fill(path, file, new Uint8Array(values.buffer), begin);
    return values;
  }
  if (dtype !== 'F16' && dtype !== 'BF16') {
    throw new UsageError(
      `${path}: tensor "${name}" is ${dtype}; only F32, F16 and BF16 can be read as numbers.`,
    );
  }
  const widen = dtype === 'F16' ? widenHalves : widenBfloats;
  const values = new Float32Array((end - begin) / 2);
  const halves = new Uint16Array(Math.min(values.length, chunkBytes / 2));
  for (let done = 0; done < values.length; done += halves.length) {
    const part = halves.subarray(0, values.length - done);
    await fill(path, file, new Uint8Array(part.buffer, 0, part.byteLength), begin + done * 2);
    widen(part, values.subarray(done, done + part.length));
  }
  return values;
}

/** Fills `into` with bytes of the file from the offset `position` on. */
async function fill(path: string, file: FileHandle, into: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < into.length;) {
    const length = Math.min(chunkBytes, into.length - done);
    const { bytesRead } = await file.read(into, done, length, position + done);
    if (bytesRead === 0) throw broken(path, `it ends at byte ${position + done}; it was cut short`);
    done += bytesRead;
  }
}

/**
 * A tensor to write. A function computes the values when they are written, so that not all need be in memory.
 */
export interface StoredTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array | (() => Promise<Float32Array>);
}

/** Bytes to write as a tensor of type U8. */
export interface StoredBytes {
  /** How many there are. */
  readonly bytes: number;
  readonly data: () => Promise<Uint8Array>;
}

/**
 * Writes tensors in the given order as F32 (the default), F16 or BF16, atomically. Throws UsageError where the
 * system refuses to write.
 */
export async function writeSafetensors(
  path: string,
  tensors: Readonly<Record<string, StoredTensor | StoredBytes>>,
  metadata: Readonly<Record<string, string>> = {},
  {
    dtype = 'F32',
    beforeRename,
  }: { readonly dtype?: StoredDtype; readonly beforeRename?: BeforeRename | undefined } = {},
): Promise<void> {
  const width = elementBits[dtype] / 8;
  const entries: [string, unknown][] = Object.keys(metadata).length ? [['__metadata__', metadata]] : [];
  let end = 0;
  for (const [name, tensor] of Object.entries(tensors)) {
    if (name === '__metadata__') throw new Error('A tensor cannot be named "__metadata__".');
    const isBytes = 'bytes' in tensor;
    const shape = isBytes ? [tensor.bytes] : tensor.shape;
    if (!isBytes && typeof tensor.data !== 'function') checkLength(name, shape, tensor.data);
    const size = sizeOf(shape) * (isBytes ? 1 : width);
    entries.push([name, { dtype: isBytes ? 'U8' : dtype, shape, data_offsets: [end, end + size] }]);
    end += size;
  }
  // Object.fromEntries, because assignment would not store a tensor named "__proto__".
  const json = Buffer.from(JSON.stringify(Object.fromEntries(entries)));
  // Spaces fill the header to a multiple of 8 bytes, so that every tensor's offset is a multiple of its
  // element size.
  const header = Buffer.alloc(8 + Math.ceil(json.length / 8) * 8, ' ');
  header.writeBigUInt64LE(BigInt(header.length - 8));
  json.copy(header, 8);
  const write = async (file: FileHandle): Promise<void> => {
    await writeAll(file, header);
    for (const [name, tensor] of Object.entries(tensors)) {
      const values = typeof tensor.data === 'function' ? await tensor.data() : tensor.data;
      checkLength(name, 'bytes' in tensor ? [tensor.bytes] : tensor.shape, values);
      const stored = values instanceof Float32Array ? narrowed(values, dtype) : values;
      await writeAll(file, new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength));
    }
  };
  await writeAtomically(path, write, beforeRename);
}

function narrowed(values: Float32Array, dtype: StoredDtype): Float32Array | Uint16Array {
  if (dtype === 'F32') return values;
  return dtype === 'F16' ? narrowToHalves(values) : narrowToBfloats(values);
}

function checkLength(name: string, shape: readonly number[], data: Float32Array | Uint8Array): void {
  const count = sizeOf(shape);
  if (count === data.length) return;
  throw new Error(
    `Tensor "${name}": shape [${shape.join(', ')}] has ${count} elements, its data ${data.length}.`,
  );
}

async function writeAll(file: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    done += (await file.write(bytes, done, Math.min(chunkBytes, bytes.length - done))).bytesWritten;
  }
}

function broken(path: string, why: string): UsageError {
  return new UsageError(`${path} is not a sound safetensors file: ${why}. Get the file again.`);
}

function isDtype(name: string): name is Dtype {
  return Object.hasOwn(elementBits, name);
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
}
