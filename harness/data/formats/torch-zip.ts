/** Reads files that torch.save wrote, without Python. It must never execute the pickle inside. */
import { UsageError } from '../../support/errors.ts';
import { readBytes } from '../../support/read-files.ts';
import { widenBfloats, widenHalves } from '../../support/numbers/float16.ts';
import { readPickle, type PickledTensor } from './torch-pickle.ts';
import { readZip, unzip } from '../../support/zip.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/** A tensor's shape and its values, widened to float32. */
export interface TorchTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** Bytes per element for each of torch's storage types. */
const widths = { FloatStorage: 4, HalfStorage: 2, BFloat16Storage: 2 } as const;
type StorageType = keyof typeof widths;

/**
 * Reads a state dict of float tensors by name from a file of torch.save (a zip archive, PyTorch 1.6 and
 * later). Throws UsageError where its pickle holds opcodes or types that such a dict does not need, or where
 * the file is missing, cut short or contradicts itself.
 */
export async function readTorchZip(path: string): Promise<Map<string, TorchTensor>> {
  const bytes = await readBytes(path);
  try {
    return parseTorchZip(bytes);
  } catch (error) {
    // A read past the end of a Buffer throws Node's RangeError.
    if (!(error instanceof UsageError || error instanceof RangeError)) throw error;
    const why = error instanceof UsageError ? error.message : 'it ends too early; it was cut short';
    throw new UsageError(`${path} is not a PyTorch file that can be read: ${why}.`, { cause: error });
  }
}

/**
 * Does what `readTorchZip` does with a file's bytes. Throws UsageError with the reason alone, RangeError
 * where the bytes end too early.
 */
export function parseTorchZip(bytes: Buffer): Map<string, TorchTensor> {
  const entries = readDirectory(bytes);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickles.length !== 1) throw new UsageError('it holds no data.pkl, or several');
  const folder = pickles[0]!.slice(0, -'data.pkl'.length);
  const order = entries.get(`${folder}byteorder`);
  if (order && order.toString('latin1') !== 'little') throw new UsageError('its numbers are big-endian');
  const tensors = new Map<string, TorchTensor>();
  const storages = new Map<string, Float32Array>();
  for (const [name, tensor] of readPickle(entries.get(pickles[0]!)!)) {
    const { key, type, count } = tensor.storage;
    let values = storages.get(`${type} ${key}`);
    if (!values) {
      const stored = entries.get(`${folder}data/${key}`);
      if (!stored) throw new UsageError(`the values of "${name}" are missing (data/${key})`);
      values = widen(name, type, stored);
      storages.set(`${type} ${key}`, values);
    }
    if (values.length !== count) {
      throw new UsageError(
        `"${name}" should have ${count} numbers in data/${key}, which has ${values.length}`,
      );
    }
    tensors.set(name, { shape: tensor.shape, data: gather(name, tensor, values) });
  }
  return tensors;
}

/** Returns the files of the archive by name; torch stores them uncompressed, so anything else is refused. */
function readDirectory(bytes: Buffer): Map<string, Buffer> {
  if (bytes.length < 22 || bytes.readUInt32LE(0) !== 0x04034b50) {
    throw new UsageError('it is no zip archive; torch.save writes one since PyTorch 1.6');
  }
  const entries = new Map<string, Buffer>();
  for (const entry of readZip(bytes).values()) {
    if (entry.method !== 0) throw new UsageError(`"${entry.name}" is packed, which torch.save never does`);
    entries.set(entry.name, unzip(entry, bytes.length));
  }
  return entries;
}

function widen(name: string, type: string, stored: Buffer): Float32Array {
  if (!isFloat(type))
    throw new UsageError(`"${name}" is a ${type}; only float32, float16 and bfloat16 are read`);
  const width = widths[type];
  if (stored.length % width !== 0) throw new UsageError(`the values of "${name}" end within a number`);
  // Copied, because a typed array must begin at a multiple of its element size.
  const copy = stored.buffer.slice(stored.byteOffset, stored.byteOffset + stored.length) as ArrayBuffer;
  if (type === 'FloatStorage') return new Float32Array(copy);
  const values = new Float32Array(stored.length / 2);
  (type === 'HalfStorage' ? widenHalves : widenBfloats)(new Uint16Array(copy), values);
  return values;
}

function isFloat(type: string): type is StorageType {
  return Object.hasOwn(widths, type);
}

/** Copies the elements of a strided view in row-major order. */
function gather(name: string, { shape, strides, offset }: PickledTensor, values: Float32Array): Float32Array {
  const size = sizeOf(shape);
  const last = shape.reduce((sum, n, axis) => sum + (n - 1) * strides[axis]!, offset);
  // A view must not have more elements than its storage, so that a short file cannot demand much memory.
  if (size > values.length || (size > 0 && last >= values.length)) {
    throw new UsageError(`"${name}" [${shape.join(', ')}] reaches beyond its ${values.length} numbers`);
  }
  const out = new Float32Array(size);
  const index = new Array<number>(shape.length).fill(0);
  for (let i = 0, at = offset; i < size; i++) {
    out[i] = values[at]!;
    // Advances the index like an odometer: the last axis first.
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      index[axis]!++;
      at += strides[axis]!;
      if (index[axis]! < shape[axis]!) break;
      at -= index[axis]! * strides[axis]!;
      index[axis] = 0;
    }
  }
  return out;
}
