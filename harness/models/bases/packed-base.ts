/**
 * Bases whose frozen linear weights are packed: codes of four bits, or half precision. The first run packs
 * them tensor by tensor into a file of the cache, together with the base's other tensors; every later one
 * maps it. `tensor` gives the numbers that the packed weights stand for.
 */
import { join } from 'node:path';
import { packFourBit, roundScales, unpackFourBit } from '../../data/formats/four-bit.ts';
import {
  openSafetensors,
  type Safetensors,
  type StoredBytes,
  type StoredTensor,
  writeSafetensors,
} from '../../data/formats/safetensors.ts';
import type { FileLocation, PackedArray, PackedFormat } from '../../engine/types.ts';
import { roundUp, sizeOf } from '../../support/numbers/arithmetic.ts';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/numbers/float16.ts';
import { hashFile, sha256 } from '../../support/hash.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import { transpose } from '../../support/numbers/transpose.ts';
import type { BaseModel } from '../base-model.ts';
import { requireFinite } from '../delta/trained-tensors.ts';
import type { Site } from '../edits.ts';
import { type BaseWeights, formatOf, packedSites } from './base-weights.ts';
import type { StoredCodes } from './four-bit-checkpoint.ts';

/** Raised whenever a cache file of the same base and weights would hold other bytes. */
const VERSION = 1;

/** Where the codes of a base are that its checkpoint holds already. */
export type CodesOf = (name: string) => Promise<StoredCodes | undefined>;

/** The parts of a packed weight in bytes. */
interface PackedBytes {
  readonly codes: Uint8Array;
  readonly scales?: Float32Array;
}

/** The base with its linear weights packed; `codesOf` gives the codes that its checkpoint holds already. */
export function packBase(base: BaseModel, weights: BaseWeights, codesOf?: CodesOf): BaseModel {
  const sites = packedSites(base);
  const format = formatOf(weights);
  let file: Safetensors | undefined;
  let opening: Promise<Safetensors> | undefined;
  const open = async (): Promise<Safetensors> =>
    (file = await (opening ??= openCache(base, weights, sites, codesOf)));
  const locate = (from: Safetensors, name: string): FileLocation => ({
    file: from.path,
    offset: from.tensors.get(name)!.begin,
  });
  return {
    ...base,
    weights,
    async packed(name): Promise<PackedArray | undefined> {
      const site = sites.get(name);
      if (!site) return undefined;
      const from = await open();
      const matrix = matrixOf(base, format, site);
      const scales = 'blockSize' in format ? { scales: locate(from, `${name}.absmax`) } : {};
      return { shape: base.shapes[name]!, packed: { ...matrix, codes: locate(from, name), ...scales } };
    },
    async tensor(name) {
      const from = await open();
      const site = sites.get(name);
      if (!site) return from.tensors.has(name) ? from.read(name) : base.tensor(name);
      const numbers = await unpack(from, name, format, site);
      return base.architecture.transposed ? numbers : transpose(numbers, site.outputs, site.inputs);
    },
    location: (name) => (file?.tensors.has(name) && !sites.has(name) ? locate(file, name) : undefined),
  };
}

const matrixOf = ({ architecture }: BaseModel, format: PackedFormat, { outputs, inputs }: Site) => ({
  format,
  outputs,
  inputs,
  flipped: !architecture.transposed,
});

/** Opens the file of the cache, which is made where it is missing or was changed. */
async function openCache(
  base: BaseModel,
  weights: BaseWeights,
  sites: ReadonlyMap<string, Site>,
  codesOf: CodesOf | undefined,
): Promise<Safetensors> {
  const key = sha256(canonicalJson({ version: VERSION, base: await base.hash(), weights }));
  const folder = join(cacheFolder(), 'bases');
  const path = join(folder, `${key}.safetensors`);
  const hashPath = join(folder, `${key}.sha256`);
  const isThere = (await isFile(path)) && (await isFile(hashPath));
  if (!isThere || String(await readBytes(hashPath)) !== (await hashFile(path))) {
    await makeFolder(folder);
    await writeSafetensors(path, tensorsOf(base, weights, sites, codesOf));
    await writeFileAtomic(hashPath, await hashFile(path));
  }
  return openSafetensors(path);
}

/** The tensors of the file: packed parts as bytes, all others in float32. One weight is in memory at a time. */
function tensorsOf(
  base: BaseModel,
  weights: BaseWeights,
  sites: ReadonlyMap<string, Site>,
  codesOf: CodesOf | undefined,
): Record<string, StoredTensor | StoredBytes> {
  const plain = Object.entries(base.shapes).filter(([name]) => !sites.has(name));
  const tensors: Record<string, StoredTensor | StoredBytes> = Object.fromEntries(
    plain.map(([name, shape]) => [name, { shape, data: () => readFinite(base, name) }]),
  );
  const format = formatOf(weights);
  for (const [name, site] of sites) {
    const numbers = site.outputs * site.inputs;
    let packed: Promise<PackedBytes> | undefined;
    const parts = (): Promise<PackedBytes> => (packed ??= pack(base, name, weights, site, codesOf));
    const bytes = bytesOfCodes(format, numbers);
    // Whole words, so that every float32 tensor of the file is aligned.
    const words = roundUp(bytes, 4);
    tensors[name] = {
      bytes: words,
      data: async () => {
        const { codes, scales } = await parts();
        if (!scales) packed = undefined;
        return padded(codes, words);
      },
    };
    if (!('blockSize' in format)) continue;
    tensors[`${name}.absmax`] = {
      shape: [Math.ceil(numbers / format.blockSize)],
      data: async () => {
        const { scales } = await parts();
        packed = undefined;
        return scales!;
      },
    };
  }
  return tensors;
}

const bytesOfCodes = (format: PackedFormat, numbers: number): number =>
  'blockSize' in format ? Math.ceil(numbers / 2) : 2 * numbers;

function padded(bytes: Uint8Array, length: number): Uint8Array {
  if (bytes.length === length) return bytes;
  const out = new Uint8Array(length);
  out.set(bytes);
  return out;
}

async function readFinite(base: BaseModel, name: string): Promise<Float32Array> {
  const values = await base.tensor(name);
  requireFinite(base.id, name, values);
  return values;
}

/** Packs one weight, or takes the checkpoint's own codes. */
async function pack(
  base: BaseModel,
  name: string,
  weights: BaseWeights,
  { outputs, inputs }: Site,
  codesOf: CodesOf | undefined,
): Promise<PackedBytes> {
  const stored = await codesOf?.(name);
  if (stored) return stored;
  const values = await readFinite(base, name);
  const matrix = base.architecture.transposed ? values : transpose(values, inputs, outputs);
  if (!('blockSize' in weights)) {
    const bits = weights.kind === 'bfloat16' ? narrowToBfloats(matrix) : narrowToHalves(matrix);
    return { codes: new Uint8Array(bits.buffer, bits.byteOffset, bits.byteLength) };
  }
  const { codes, scales } = packFourBit(matrix, weights.kind, weights.blockSize);
  return { codes, scales: weights.doubleQuantization ? roundScales(scales) : scales };
}

/** The numbers [outputs, inputs] of a packed weight of the file. */
async function unpack(
  file: Safetensors,
  name: string,
  format: PackedFormat,
  { outputs, inputs }: Site,
): Promise<Float32Array> {
  const numbers = sizeOf([outputs, inputs]);
  const bytes = await file.readBytes(name);
  if ('blockSize' in format) {
    const scales = await file.read(`${name}.absmax`);
    return unpackFourBit({ codes: bytes, scales }, format, numbers);
  }
  const values = new Float32Array(numbers);
  const bits = new Uint16Array(bytes.buffer, bytes.byteOffset, numbers);
  if (format.kind === 'bfloat16') widenBfloats(bits, values);
  else widenHalves(bits, values);
  return values;
}
