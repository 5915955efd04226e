/**
 * Opens the weights of a model folder: one safetensors file or several shards. Bases and adapters are read
 * through it; it must never read a pickle.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { isObject } from '../../support/json/json-object.ts';
import { isFile, readJson } from '../../support/read-files.ts';
import { hashFile, hashFiles } from '../../support/hash.ts';
import { openSafetensors, type Dtype, type Safetensors, type TensorInfo } from './safetensors.ts';

/** The weights of a model folder in Hugging Face layout. */
export interface Checkpoint {
  readonly names: readonly string[];
  /**
   * Returns a tensor's shape. Like the other functions with a name, throws UsageError for an unknown tensor.
   */
  shape(name: string): readonly number[];
  /** Reads a tensor's values, widened to float32. */
  read(name: string): Promise<Float32Array>;
  /** Reads a tensor's bytes, whatever its type. */
  readBytes(name: string): Promise<Uint8Array>;
  /** Whether two tensors hold equal values; reads them in pieces, up to the first difference. */
  isSame(name: string, other: string): Promise<boolean>;
  /** Returns a tensor's position: its file, with `offset` and length `bytes` in bytes. */
  location(name: string): {
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
    readonly dtype: Dtype;
  };
  /** Reads all files and returns the sha256 of model.safetensors, or one sha256 over those of all shards. */
  hash(): Promise<string>;
}

const single = 'model.safetensors';
const index = 'model.safetensors.index.json';

/** Whether a folder holds weights that `openCheckpoint` opens. */
export async function hasCheckpoint(folder: string): Promise<boolean> {
  return (await isFile(join(folder, single))) || isFile(join(folder, index));
}

/**
 * Opens model.safetensors, or the shards that the index lists. Throws UsageError where a file is missing, cut
 * short, or contradicts its header or the index.
 */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  if (await isFile(join(folder, single))) {
    const file = await openSafetensors(join(folder, single));
    const places = new Map([...file.tensors].map(([name, info]) => [name, { file, info }]));
    return checkpoint(folder, places, () => hashFile(file.path));
  }
  if (await isFile(join(folder, index))) return openShards(folder);
  const pickle = (await isFile(join(folder, 'pytorch_model.bin')))
    ? ' Its pytorch_model.bin is a pickle, which can run code and is not read; ' +
      'convert it with save_pretrained(…, safe_serialization=True).'
    : ' Give a folder in Hugging Face layout.';
  throw new UsageError(`${folder} holds no checkpoint: looked for ${single} and ${index}.${pickle}`);
}

interface Place {
  readonly file: Safetensors;
  readonly info: TensorInfo;
}

async function openShards(folder: string): Promise<Checkpoint> {
  const path = join(folder, index);
  const shards = new Map<string, Safetensors>();
  const places = new Map<string, Place>();
  for (const [name, shard] of weightMap(path, await readJson(path))) {
    let file = shards.get(shard);
    if (!file) {
      if (!(await isFile(join(folder, shard)))) {
        throw new UsageError(`${folder} lacks the shard ${shard}, which ${index} lists; get the file again.`);
      }
      file = await openSafetensors(join(folder, shard));
      shards.set(shard, file);
    }
    const info = file.tensors.get(name);
    if (!info) throw new UsageError(`${path} says that ${shard} holds "${name}", but it does not.`);
    places.set(name, { file, info });
  }
  const files = Object.fromEntries([...shards].map(([name, file]) => [name, file.path]));
  return checkpoint(folder, places, () => hashFiles(files));
}

/**
 * Reads the index's pairs of tensor and shard. Throws UsageError where a shard's name leads out of the
 * folder.
 */
function weightMap(path: string, value: unknown): [string, string][] {
  const map = isObject(value) ? value.weight_map : undefined;
  if (!isObject(map)) throw new UsageError(`${path} has no weight_map; get the file again.`);
  return Object.entries(map).map(([name, shard]) => {
    if (typeof shard !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(shard)) {
      throw new UsageError(
        `${path}: the shard of "${name}" is ${JSON.stringify(shard)}; ` +
          'it must be a file name that ends in .safetensors, in the same folder.',
      );
    }
    return [name, shard];
  });
}

function checkpoint(
  folder: string,
  places: ReadonlyMap<string, Place>,
  hash: () => Promise<string>,
): Checkpoint {
  const place = (name: string): Place => {
    const found = places.get(name);
    if (found) return found;
    throw new UsageError(`${folder} has no tensor "${name}".${didYouMean(name, places.keys())}`);
  };
  const location: Checkpoint['location'] = (name) => {
    const { file, info } = place(name);
    return { file: file.path, offset: info.begin, bytes: info.end - info.begin, dtype: info.dtype };
  };
  const read = async (name: string): Promise<Float32Array> => place(name).file.read(name);
  return {
    names: [...places.keys()],
    shape: (name) => place(name).info.shape,
    read,
    readBytes: async (name) => place(name).file.readBytes(name),
    async isSame(name, other) {
      const [one, two] = [location(name), location(other)];
      if (place(name).info.shape.join() !== place(other).info.shape.join()) return false;
      if (one.dtype === two.dtype) return isSamePiece(one, two);
      const [values, others] = [await read(name), await read(other)];
      return values.every((value, i) => value === others[i]);
    },
    location,
    hash,
  };
}

type Piece = ReturnType<Checkpoint['location']>;

/** Whether two byte ranges of equal length, in the same or different files, hold equal bytes. */
async function isSamePiece(one: Piece, two: Piece): Promise<boolean> {
  const files = [await open(one.file), await open(two.file)] as const;
  try {
    const buffers = [Buffer.alloc(1 << 20), Buffer.alloc(1 << 20)] as const;
    for (let at = 0; at < one.bytes; at += buffers[0].length) {
      const length = Math.min(buffers[0].length, one.bytes - at);
      await files[0].read(buffers[0], 0, length, one.offset + at);
      await files[1].read(buffers[1], 0, length, two.offset + at);
      if (!buffers[0].subarray(0, length).equals(buffers[1].subarray(0, length))) return false;
    }
    return true;
  } finally {
    for (const file of files) await file.close();
  }
}
