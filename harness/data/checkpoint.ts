import { join } from 'node:path';
import { didYouMean, UsageError } from './errors.ts';
import { isFile, readJson } from './files.ts';
import { hashFile, hashFiles } from './hash.ts';
import { openSafetensors, type Dtype, type Safetensors, type TensorInfo } from './safetensors.ts';

/** The tensors of a model folder in Hugging Face layout. */
export interface Checkpoint {
  readonly names: readonly string[];
  /** Throws UsageError for an unknown tensor, as the other two do. */
  shape(name: string): readonly number[];
  read(name: string): Promise<Float32Array>;
  /** Where a tensor lies: `offset` and `bytes` within `file`. */
  location(name: string): {
    readonly file: string;
    readonly offset: number;
    readonly bytes: number;
    readonly dtype: Dtype;
  };
  /** Sha256 of model.safetensors, or of the list of its shards' sha256; reads them once. */
  hash(): Promise<string>;
}

const single = 'model.safetensors';
const index = 'model.safetensors.index.json';

/** Opens model.safetensors, or the shards that its index lists; throws UsageError where one is missing, cut short or lies. */
export async function openCheckpoint(folder: string): Promise<Checkpoint> {
  if (await isFile(join(folder, single))) {
    const file = await openSafetensors(join(folder, single));
    const places = new Map([...file.tensors].map(([name, info]) => [name, { file, info }]));
    return checkpoint(folder, places, () => hashFile(file.path));
  }
  if (await isFile(join(folder, index))) return openShards(folder);
  const pickle = (await isFile(join(folder, 'pytorch_model.bin')))
    ? ' Its pytorch_model.bin is a pickle, which can run code and is not read; convert it with save_pretrained(…, safe_serialization=True).'
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

/** The index's pairs of tensor and shard; a shard's name may not lead out of the folder. */
function weightMap(path: string, value: unknown): [string, string][] {
  const map = isObject(value) ? value.weight_map : undefined;
  if (!isObject(map)) throw new UsageError(`${path} has no weight_map; get the file again.`);
  return Object.entries(map).map(([name, shard]) => {
    if (typeof shard !== 'string' || !/^[\w-][\w.-]*\.safetensors$/.test(shard)) {
      throw new UsageError(
        `${path}: the shard of "${name}" is ${JSON.stringify(shard)}; it must be a file name that ends in .safetensors, in the same folder.`,
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
  return {
    names: [...places.keys()],
    shape: (name) => place(name).info.shape,
    read: async (name) => place(name).file.read(name),
    location(name) {
      const { file, info } = place(name);
      return { file: file.path, offset: info.begin, bytes: info.end - info.begin, dtype: info.dtype };
    },
    hash,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
