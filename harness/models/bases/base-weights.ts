/**
 * The precision in which a base's frozen linear modules are kept: the option `--base-weights`, what a
 * checkpoint of bitsandbytes says of itself, and which weights it is about.
 */
import { z } from 'zod';
import type { PackedFormat } from '../../engine/types.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { isObject } from '../../support/json/json-object.ts';
import type { Architecture } from '../architecture.ts';
import type { Site } from '../edits.ts';

/** The block sizes that onnxruntime computes with. */
export const blockSizes = [16, 32, 64, 128, 256] as const;
/** A checkpoint's larger blocks are read as several blocks of one scale. */
export const largestBlock = 256;
const FOUR_BIT = ['nf4', 'fp4'] as const;
const kinds = ['float32', 'bfloat16', 'float16', ...FOUR_BIT] as const;

/** How the weights of frozen linear modules are kept, where that is not float32; part of a run's identity. */
export const baseWeightsSchema = z.union([
  z.strictObject({
    kind: z.enum(FOUR_BIT),
    blockSize: z.int().positive(),
    /** Whether the scales of the blocks are rounded to eight bits themselves. */
    doubleQuantization: z.boolean(),
  }),
  z.strictObject({ kind: z.enum(['bfloat16', 'float16']) }),
  z.strictObject({
    kind: z.literal('gptq'),
    /** The inputs of a group; −1 where all of a weight are one. */
    groupSize: z.int(),
    /** Whether groups are of inputs in another order than theirs (desc_act). */
    isOrdered: z.boolean(),
  }),
]);
export type BaseWeights = z.infer<typeof baseWeightsSchema>;
/** Weights in half precision. */
export type HalfWeights = Extract<BaseWeights, { readonly kind: 'bfloat16' | 'float16' }>;
export const isHalf = (weights: BaseWeights): weights is HalfWeights =>
  weights.kind === 'bfloat16' || weights.kind === 'float16';
/** Weights of a GPTQ checkpoint. */
export type GptqWeights = Extract<BaseWeights, { readonly kind: 'gptq' }>;

/** The inputs of a group and the count of groups, for a weight of so many inputs. */
export function gptqGroups(given: number, inputs: number): { groupSize: number; groups: number } {
  const groupSize = given < 0 ? inputs : given;
  return { groupSize, groups: Math.ceil(inputs / groupSize) };
}

/**
 * Reads `--base-weights`: `nf4`, `nf4~block=128,double`, `bfloat16`, …; null stands for float32. Throws
 * UsageError where it is none of them.
 */
export function parseBaseWeights(text: string): BaseWeights | null {
  const [name = '', ...settings] = text.split(/[~,]/);
  if (name === 'gptq')
    throw new UsageError(
      `--base-weights ${text}: GPTQ's weights are read from its checkpoints, not made here.`,
    );
  const kind = kinds.find((known) => known === name);
  if (!kind) {
    const known = `It can be ${kinds.join(', ')}.`;
    throw new UsageError(`--base-weights ${text}: there is no "${name}".${didYouMean(name, kinds)} ${known}`);
  }
  if (kind !== 'nf4' && kind !== 'fp4') {
    if (settings.length > 0) throw new UsageError(`--base-weights ${text}: ${kind} has no settings.`);
    return kind === 'float32' ? null : { kind };
  }
  let [blockSize, doubleQuantization] = [64, false];
  for (const setting of settings) {
    const [key, value] = setting.split('=');
    const size = blockSizes.find((each) => String(each) === value);
    if (key === 'block' && size) blockSize = size;
    else if (setting === 'double') doubleQuantization = true;
    else {
      throw new UsageError(
        `--base-weights ${text}: "${setting}" is no setting of ${kind}; there are ` +
          `block=${blockSizes.join('|')} (64 where it is left out) and double (scales of eight bits).`,
      );
    }
  }
  return { kind, blockSize, doubleQuantization };
}

/** The text by which `parseBaseWeights` gives the same, as short as it can be; tables show it. */
export function baseWeightsText(weights: BaseWeights | undefined): string {
  if (!weights) return 'float32';
  if (isHalf(weights)) return weights.kind;
  if (weights.kind === 'gptq') {
    const { groupSize, isOrdered } = weights;
    return `gptq~group=${groupSize < 0 ? 'all' : groupSize}${isOrdered ? ',ordered' : ''}`;
  }
  const { kind, blockSize, doubleQuantization } = weights;
  const settings = [
    ...(blockSize === 64 ? [] : [`block=${blockSize}`]),
    ...(doubleQuantization ? ['double'] : []),
  ];
  return settings.length > 0 ? `${kind}~${settings.join(',')}` : kind;
}

/** How the numbers of a packed weight of so many inputs lie in its file. */
export function formatOf(weights: BaseWeights, inputs: number): PackedFormat {
  if (isHalf(weights)) return weights;
  if (weights.kind !== 'gptq') return { kind: weights.kind, blockSize: weights.blockSize };
  const { groupSize } = gptqGroups(weights.groupSize, inputs);
  return { kind: 'gptq', groupSize, isOrdered: weights.isOrdered };
}

/** The modules whose weights are kept so: the linear ones inside the layers, by the names of their weights. */
export function packedSites({ sites }: Pick<Architecture, 'sites'>): ReadonlyMap<string, Site> {
  const inside = sites.filter(({ kind, role }) => kind === 'linear' && role !== 'pooler');
  return new Map(inside.map((site) => [`${site.name}.weight`, site]));
}

/** The part of a `quantization_config` that bitsandbytes writes for four bits. */
const quantizationConfig = z.looseObject({
  quant_method: z.literal('bitsandbytes'),
  load_in_4bit: z.literal(true),
  bnb_4bit_quant_type: z.enum(FOUR_BIT).default('fp4'),
  bnb_4bit_use_double_quant: z.boolean().default(false),
});

/** The part of a `quantization_config` that AutoGPTQ and GPTQModel write for four bits. */
const gptqConfig = z.looseObject({
  quant_method: z.literal('gptq'),
  bits: z.literal(4),
  group_size: z.union([z.literal(-1), z.int().positive()]),
  desc_act: z.boolean().default(false),
  checkpoint_format: z.enum(['gptq', 'gptq_v2']).nullish(),
});
export type GptqConfig = z.infer<typeof gptqConfig>;

/** What a config.json says of the codes of its checkpoint's linear weights. */
export type Quantization =
  { readonly by: 'bitsandbytes' } | { readonly by: 'gptq'; readonly config: GptqConfig };

/** Splits off a config.json's `quantization_config`; throws UsageError where it is of no kind that is read. */
export function splitQuantization(
  config: Readonly<Record<string, unknown>>,
  where: string,
): { config: Readonly<Record<string, unknown>>; quantization?: Quantization } {
  const { quantization_config: given, ...rest } = config;
  if (given == null) return { config };
  if (quantizationConfig.safeParse(given).success)
    return { config: rest, quantization: { by: 'bitsandbytes' } };
  const gptq = gptqConfig.safeParse(given);
  if (gptq.success) return { config: rest, quantization: { by: 'gptq', config: gptq.data } };
  const method = isObject(given) && typeof given.quant_method === 'string' ? given.quant_method : 'none';
  const { path, message } = gptq.error.issues[0]!;
  const why =
    method === 'gptq'
      ? `its ${path.join('.')} does not fit: ${message}`
      : 'that of bitsandbytes in four bits, and of GPTQ, are the quantised checkpoints that are read';
  throw new UsageError(
    `${where} cannot be used: its quantization_config has quant_method ${JSON.stringify(method)}; ${why}.`,
  );
}
