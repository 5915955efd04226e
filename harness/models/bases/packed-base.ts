/**
 * Bases whose frozen linear weights are packed: codes of four bits, or half precision. The first run packs
 * them tensor by tensor into a file of the cache, together with the base's other tensors; every later one
 * maps it. A checkpoint in the half precision that is asked for is mapped itself. `tensor` gives the numbers
 * that the packed weights stand for.
 */
import { join } from 'node:path';
import type { GroupedCodes } from '../../data/formats/gptq.ts';
import { packFourBit, roundScales, unpackFourBit } from '../../data/formats/four-bit.ts';
import {
  openSafetensors,
  type Safetensors,
  type StoredBytes,
  type StoredTensor,
  writeSafetensors,
} from '../../data/formats/safetensors.ts';
import {
  type FileLocation,
  type PackedArray,
  type PackedFormat,
  type PackedPart,
  partsOf,
} from '../../engine/types.ts';
import { roundUp, sizeOf } from '../../support/numbers/arithmetic.ts';
import { makeFolder, writeFileAtomic } from '../../support/atomic-files.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { narrowToBfloats, narrowToHalves, widenBfloats, widenHalves } from '../../support/numbers/float16.ts';
import { hashFile, sha256 } from '../../support/hash.ts';
import { UsageError } from '../../support/errors.ts';
import { canonicalJson } from '../../support/json/canonical-json.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import { transpose } from '../../support/numbers/transpose.ts';
import type { BaseModel } from '../base-model.ts';
import { requireFinite } from '../delta/trained-tensors.ts';
import type { Site } from '../edits.ts';
import { type BaseWeights, formatOf, type HalfWeights, isHalf, packedSites } from './base-weights.ts';
import type { StoredCodes } from './four-bit-checkpoint.ts';

/** Raised whenever a cache file of the same base and weights would hold other bytes. */
const VERSION = 1;

/** Where the codes of a base are that its checkpoint holds already. */
export type CodesOf = (name: string) => Promise<StoredCodes | GroupedCodes | undefined>;

/** The parts of a packed weight. */
interface PackedData {
  readonly codes: Uint8Array;
  readonly scales?: Float32Array;
  readonly zeros?: Uint8Array;
  readonly order?: Int32Array;
}
/** What follows the weight's name in the name of a part. */
const ENDS: Readonly<Record<PackedPart, string>> = {
  codes: '',
  scales: '.absmax',
  zeros: '.zeros',
  order: '.order',
};

/** The base with its linear weights packed; `codesOf` gives the codes that its checkpoint holds already. */
export function packBase(base: BaseModel, weights: BaseWeights, codesOf?: CodesOf): BaseModel {
  const sites = packedSites(base);
  if (isHalf(weights) && [...sites.keys()].every((name) => base.location(name, weights.kind)))
    return mapHalves(base, weights, sites);
  let opening: Promise<Safetensors> | undefined;
  const open = (): Promise<Safetensors> => (opening ??= openCache(base, weights, sites, codesOf));
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
      const matrix = matrixOf(base, formatOf(weights, site.inputs), site);
      const others = partsOf(matrix).slice(1);
      const located = others.map(({ part }) => [part, locate(from, name + ENDS[part])] as const);
      const parts = { codes: locate(from, name), ...Object.fromEntries(located) };
      return { shape: base.shapes[name]!, packed: { ...matrix, ...parts } };
    },
    async mapped(name) {
      const from = await open();
      if (sites.has(name) || !from.tensors.has(name)) return undefined;
      return { shape: base.shapes[name]!, location: locate(from, name) };
    },
    async tensor(name) {
      const from = await open();
      const site = sites.get(name);
      if (!site) return from.tensors.has(name) ? from.read(name) : base.tensor(name);
      // A GPTQ checkpoint's own numbers are those that its codes stand for.
      if (weights.kind === 'gptq') return base.tensor(name);
      const numbers = await unpack(from, name, formatOf(weights, site.inputs), site);
      return base.architecture.transposed ? numbers : transpose(numbers, site.outputs, site.inputs);
    },
    location: () => undefined,
  };
}

/** The base with its linear weights mapped from its checkpoint, which holds them in this precision. */
function mapHalves(base: BaseModel, weights: HalfWeights, sites: ReadonlyMap<string, Site>): BaseModel {
  return {
    ...base,
    weights,
    async packed(name): Promise<PackedArray | undefined> {
      if (!sites.has(name)) return undefined;
      await readFinite(base, name);
      const shape = base.shapes[name]!;
      const [outputs, inputs] = shape as [number, number];
      const codes = base.location(name, weights.kind)!;
      return { shape, packed: { format: weights, outputs, inputs, flipped: false, codes } };
    },
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
  for (const [name, site] of sites) {
    // They lie in the file in this order.
    const parts = partsOf(matrixOf(base, formatOf(weights, site.inputs), site));
    let packed: Promise<PackedData> | undefined;
    const take = async (part: PackedPart): Promise<NonNullable<PackedData[PackedPart]>> => {
      const data = await (packed ??= pack(base, name, weights, site, codesOf));
      if (part === parts.at(-1)!.part) packed = undefined;
      return data[part]!;
    };
    for (const { part, bytes } of parts) {
      if (part === 'scales') {
        tensors[name + ENDS[part]] = {
          shape: [bytes / 4],
          data: async () => (await take(part)) as Float32Array,
        };
        continue;
      }
      // Whole words, so that every float32 tensor of the file is aligned.
      const words = roundUp(bytes, 4);
      tensors[name + ENDS[part]] = {
        bytes: words,
        data: async () => padded(bytesOf(await take(part)), words),
      };
    }
  }
  return tensors;
}

const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

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
): Promise<PackedData> {
  const stored = await codesOf?.(name);
  if (stored) return stored;
  if (weights.kind === 'gptq')
    throw new UsageError(
      `The checkpoint of ${base.id} has no codes of GPTQ for ${name}, as for other weights.`,
    );
  const values = await readFinite(base, name);
  const matrix = base.architecture.transposed ? values : transpose(values, inputs, outputs);
  if (isHalf(weights)) {
    const bits = weights.kind === 'bfloat16' ? narrowToBfloats(matrix) : narrowToHalves(matrix);
    return { codes: bytesOf(bits) };
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
