/**
 * Checkpoints whose linear weights are bitsandbytes' codes of four bits, as transformers saves them: beside
 * `P.weight` lie its scales and a description of its layout. Their numbers read as those of any other
 * checkpoint, and the codes as they are.
 */
import { z } from 'zod';
import type { Checkpoint } from '../../data/formats/checkpoint.ts';
import {
  fourBitValues,
  unpackFourBit,
  unpackScales,
  type FourBitCodes,
} from '../../data/formats/four-bit.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import { UsageError } from '../../support/errors.ts';
import { transpose } from '../../support/numbers/transpose.ts';
import { type BaseWeights, largestBlock } from './base-weights.ts';

/** The codes of a weight, row by row of [outputs, inputs]. */
export interface StoredCodes extends FourBitCodes {
  readonly kind: 'nf4' | 'fp4';
  readonly blockSize: number;
}

/** A checkpoint of four bits: `shape` and `read` are of the numbers that the codes stand for. */
export interface FourBitCheckpoint extends Checkpoint {
  readonly weights: BaseWeights;
  /** The codes of a tensor; undefined where it is stored as numbers. */
  codes(name: string): Promise<StoredCodes | undefined>;
}

/** bitsandbytes' description of a weight, JSON in a tensor of bytes. */
const description = z.object({
  quant_type: z.enum(['nf4', 'fp4']),
  blocksize: z.literal([32, 64, 128, 256, 512, 1024, 2048, 4096]),
  shape: z.tuple([z.int().positive(), z.int().positive()]),
  nested_blocksize: z.int().positive().optional(),
  nested_offset: z.number().optional(),
});
type Description = z.infer<typeof description>;

const STATE = /^(.+)\.quant_state\.bitsandbytes__(?:nf4|fp4)$/;
const PARTS = ['absmax', 'quant_map', 'nested_absmax', 'nested_quant_map'];

/**
 * Finds the weights of four bits in a checkpoint; `transposed` says whether the family stores weights
 * [outputs, inputs]. Throws UsageError with the tensor's name where a part is missing or contradicts another.
 */
export async function fourBitCheckpoint(
  checkpoint: Checkpoint,
  id: string,
  transposed: boolean,
): Promise<FourBitCheckpoint> {
  const all = new Set(checkpoint.names);
  const states = new Map<string, Description>();
  const parts = new Set<string>();
  for (const name of all) {
    const weight = STATE.exec(name)?.[1];
    if (weight === undefined) continue;
    states.set(weight, await readDescription(checkpoint, id, name));
    for (const part of [name, ...PARTS.map((end) => `${weight}.${end}`)]) parts.add(part);
  }
  for (const [name, state] of states) checkParts(checkpoint, id, name, state);
  const codes = async (name: string): Promise<StoredCodes | undefined> => {
    const state = states.get(name);
    return state && readCodes(checkpoint, id, name, state);
  };
  return {
    ...checkpoint,
    names: checkpoint.names.filter((name) => !parts.has(name)),
    weights: weightsOf(checkpoint, id, states),
    codes,
    shape(name) {
      const shape = states.get(name)?.shape;
      if (!shape) return checkpoint.shape(name);
      return transposed ? shape : shape.toReversed();
    },
    async read(name) {
      const stored = await codes(name);
      if (!stored) return checkpoint.read(name);
      const [outputs, inputs] = states.get(name)!.shape;
      const numbers = unpackFourBit(stored, stored, outputs * inputs);
      return transposed ? numbers : transpose(numbers, outputs, inputs);
    },
  };
}

const wrong = (id: string, name: string, what: string): UsageError =>
  new UsageError(`The checkpoint of ${id} cannot be read: ${name} ${what}.`);

async function readDescription(checkpoint: Checkpoint, id: string, name: string): Promise<Description> {
  const { bytes } = checkpoint.location(name);
  if (bytes > 65_536) throw wrong(id, name, `has ${bytes} bytes, too many for a description in JSON`);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(await checkpoint.readBytes(name)));
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw wrong(id, name, 'is not JSON');
  }
  const parsed = description.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = parsed.error.issues[0]!;
  throw wrong(
    id,
    name,
    `is no description of four-bit weights: ${path.join('.')}: ${message.split('\n')[0]}`,
  );
}

/** How many scales a weight has. */
const blocksOf = ({ shape, blocksize }: Description): number => Math.ceil(sizeOf(shape) / blocksize);

/** Throws UsageError where the sizes and types of a weight's parts are not those that its description implies. */
function checkParts(checkpoint: Checkpoint, id: string, name: string, state: Description): void {
  const names = new Set(checkpoint.names);
  const bytes = Math.ceil(sizeOf(state.shape) / 2);
  const blocks = blocksOf(state);
  const expect = (part: string, size: number, dtype?: string): void => {
    if (!names.has(part)) throw wrong(id, part, `is missing, which the codes of ${name} need`);
    const found = checkpoint.location(part);
    if (found.bytes !== size)
      throw wrong(
        id,
        part,
        `has ${found.bytes} bytes, but a weight of [${state.shape.join(', ')}] needs ${size}`,
      );
    if (dtype !== undefined && found.dtype !== dtype)
      throw wrong(id, part, `is ${found.dtype}, not ${dtype}`);
  };
  // bitsandbytes may store the bytes of codes under another type (bnb_4bit_quant_storage).
  expect(name, bytes);
  expect(`${name}.quant_map`, 64, 'F32');
  if (!names.has(`${name}.nested_absmax`)) {
    expect(`${name}.absmax`, 4 * blocks, 'F32');
    return;
  }
  if (state.nested_blocksize === undefined || state.nested_offset === undefined)
    throw wrong(id, name, 'has nested scales, but its description lacks nested_blocksize or nested_offset');
  expect(`${name}.absmax`, blocks, 'U8');
  expect(`${name}.nested_absmax`, 4 * Math.ceil(blocks / state.nested_blocksize), 'F32');
  expect(`${name}.nested_quant_map`, 1024, 'F32');
}

/** The form that all packed weights share; throws UsageError where they differ. */
function weightsOf(
  checkpoint: Checkpoint,
  id: string,
  states: ReadonlyMap<string, Description>,
): BaseWeights {
  const [first, ...others] = [...states];
  if (!first)
    throw new UsageError(`The checkpoint of ${id} has no weights of four bits, as its config.json says.`);
  const names = new Set(checkpoint.names);
  const [name, { quant_type: kind, blocksize: blockSize }] = first;
  const doubleQuantization = names.has(`${name}.nested_absmax`);
  const other = others.find(
    ([each, state]) =>
      state.quant_type !== kind ||
      state.blocksize !== blockSize ||
      names.has(`${each}.nested_absmax`) !== doubleQuantization,
  );
  if (other) throw wrong(id, other[0], `is stored in another way than ${name}; one way for all is read`);
  return { kind, blockSize, doubleQuantization };
}

async function readCodes(
  checkpoint: Checkpoint,
  id: string,
  name: string,
  state: Description,
): Promise<StoredCodes> {
  const { quant_type: kind, blocksize } = state;
  const table = await checkpoint.read(`${name}.quant_map`);
  if (table.some((value, code) => value !== fourBitValues[kind][code]!))
    throw wrong(id, `${name}.quant_map`, `is not the table of ${kind}`);
  const scales = await readScales(checkpoint, name, state);
  if (!scales.every(Number.isFinite)) throw wrong(id, `${name}.absmax`, 'holds scales that are not finite');
  const blockSize = Math.min(blocksize, largestBlock);
  return {
    kind,
    blockSize,
    codes: await checkpoint.readBytes(name),
    // A larger block is several blocks of one scale.
    scales: repeated(scales, blocksize / blockSize, Math.ceil(sizeOf(state.shape) / blockSize)),
  };
}

async function readScales(checkpoint: Checkpoint, name: string, state: Description): Promise<Float32Array> {
  if (!checkpoint.names.includes(`${name}.nested_absmax`)) return checkpoint.read(`${name}.absmax`);
  return unpackScales({
    codes: await checkpoint.readBytes(`${name}.absmax`),
    values: await checkpoint.read(`${name}.nested_quant_map`),
    scales: await checkpoint.read(`${name}.nested_absmax`),
    blockSize: state.nested_blocksize!,
    offset: Math.fround(state.nested_offset!),
  });
}

function repeated(values: Float32Array, times: number, length: number): Float32Array {
  if (times === 1) return values;
  return Float32Array.from({ length }, (_, i) => values[Math.floor(i / times)]!);
}
