/**
 * Rotary position embeddings (Su et al., 2021): config.json's parameters, the angles that follow from them, and
 * the rotation of heads.
 */
import { z } from 'zod';
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';

const positive = z.number().positive();
const common = { rope_theta: positive, partial_rotary_factor: z.number().positive().max(1).default(1) };
const originally = { original_max_position_embeddings: z.int().positive() };
const factors = z.array(positive).max(100_000);
const scalings = {
  default: { rope_type: z.literal('default') },
  linear: { rope_type: z.literal('linear'), factor: positive },
  // Only sequences beyond the model's positions are stretched, and deltabench cuts sequences there.
  dynamic: { rope_type: z.literal('dynamic'), factor: positive },
  yarn: {
    rope_type: z.literal('yarn'),
    factor: positive.nullish(),
    attention_factor: positive.nullish(),
    beta_fast: positive.nullish(),
    beta_slow: positive.nullish(),
    mscale: z.number().nullish(),
    mscale_all_dim: z.number().nullish(),
    truncate: z.boolean().default(true),
    ...originally,
  },
  // The long factors are for sequences beyond the original positions, where deltabench cuts them.
  longrope: {
    rope_type: z.literal('longrope'),
    factor: positive.nullish(),
    attention_factor: positive.nullish(),
    short_factor: factors,
    long_factor: factors,
    ...originally,
  },
  llama3: {
    rope_type: z.literal('llama3'),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    ...originally,
  },
} as const;

/** Hugging Face's rope_parameters, the angles of rotary position embeddings. */
const ropeParameters = z.discriminatedUnion(
  'rope_type',
  [
    z.looseObject({ ...common, ...scalings.default }),
    z.looseObject({ ...common, ...scalings.linear }),
    z.looseObject({ ...common, ...scalings.dynamic }),
    z.looseObject({ ...common, ...scalings.yarn }),
    z.looseObject({ ...common, ...scalings.longrope }),
    z.looseObject({ ...common, ...scalings.llama3 }),
  ],
  {
    error: ({ input }) =>
      `rotary embeddings of type ${JSON.stringify((input as { rope_type?: unknown } | undefined)?.rope_type)} ` +
      `are not built; ${Object.keys(scalings).join(', ')} are`,
  },
);
export type RopeParameters = z.infer<typeof ropeParameters>;

/** The angles of one kind of rotary positions. */
export interface RopeTable {
  /** The angle by which each pair of a head turns from one position to the next, [r / 2]. */
  readonly frequencies: Float32Array;
  /** Factor of cosines and sines. */
  readonly scale: number;
}

/** What of config.json the angles depend on. */
interface RopeContext {
  /** h */
  readonly headWidth: number;
  readonly positions: number;
  /** Whether the family can rotate a part of a head. */
  readonly partial?: boolean;
}

/** Config.json's rotary settings, read; refused ones are reported to zod's context. */
export interface ReadRope {
  readonly table: RopeTable;
  /** Positions that the table serves; fewer than the model's where longer sequences take other angles. */
  readonly positions: number;
}

/**
 * Reads rope_parameters as transformers 5 writes them, from a config.json of any age: rope_theta apart,
 * rope_scaling with `type`. `theta` serves where none is given. Returns undefined after an issue.
 */
export function readRope(
  config: Readonly<Record<string, unknown>>,
  context: z.RefinementCtx,
  theta: number,
  sizes: RopeContext,
): ReadRope | undefined {
  const { rope_theta, rope_scaling, rope_parameters, partial_rotary_factor } = config;
  const given = { ...(rope_scaling ?? {}), ...(rope_parameters ?? {}) } as Record<string, unknown>;
  const original = config.original_max_position_embeddings ?? given.original_max_position_embeddings;
  const parsed = ropeParameters.safeParse({
    rope_theta: rope_theta ?? theta,
    ...(partial_rotary_factor != null && { partial_rotary_factor }),
    ...given,
    original_max_position_embeddings: original ?? sizes.positions,
    rope_type: given.rope_type ?? given.type ?? 'default',
  });
  const refuse = (path: PropertyKey[], message: string): void => {
    context.addIssue({ code: 'custom', path, message });
  };
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) refuse(path, message);
    return undefined;
  }
  const { data } = parsed;
  const part = data.partial_rotary_factor;
  const width = Math.trunc(sizes.headWidth * part);
  const isLong = data.rope_type === 'longrope';
  if (part !== 1 && !sizes.partial)
    refuse(['partial_rotary_factor'], `${part} is not built for this family; 1 is`);
  else if (width < 2 || width % 2 !== 0)
    refuse(['partial_rotary_factor'], `${part} of head width ${sizes.headWidth} gives no pairs`);
  else if (isLong && data.short_factor.length !== width / 2)
    refuse(['short_factor'], `has ${data.short_factor.length} numbers; ${width / 2} are needed`);
  else {
    const most = isLong ? data.original_max_position_embeddings : sizes.positions;
    return { table: ropeTable(data, width, sizes.positions), positions: Math.min(most, sizes.positions) };
  }
  return undefined;
}

/** The angles of r numbers of a head, as transformers computes them in float32. */
export function ropeTable(rope: RopeParameters, width: number, positions: number): RopeTable {
  const plain = Float32Array.from({ length: width / 2 }, (_, i) => {
    const exponent = Math.fround((2 * i) / width);
    return 1 / Math.fround(rope.rope_theta ** exponent);
  });
  if (rope.rope_type === 'linear') return { frequencies: plain.map((f) => f / rope.factor), scale: 1 };
  if (rope.rope_type === 'llama3') return { frequencies: llama3(plain, rope), scale: 1 };
  if (rope.rope_type === 'yarn') return yarn(plain, rope, width, positions);
  if (rope.rope_type === 'longrope') return longRope(plain, rope, positions);
  return { frequencies: plain, scale: 1 };
}

type Of<Type extends RopeParameters['rope_type']> = Extract<RopeParameters, { rope_type: Type }>;

function llama3(plain: Float32Array, rope: Of<'llama3'>): Float32Array {
  const { factor, low_freq_factor: low, high_freq_factor: high, original_max_position_embeddings } = rope;
  return plain.map((f) => {
    // Full turns of the pair within the length that the model was first trained on.
    const turns = (original_max_position_embeddings * f) / (2 * Math.PI);
    if (turns > high) return f;
    if (turns < low) return f / factor;
    const smooth = (turns - low) / (high - low);
    return ((1 - smooth) * f) / factor + smooth * f;
  });
}

/** YaRN (Peng et al., 2023): fast pairs keep their angle, slow ones are stretched, with a ramp between. */
function yarn(plain: Float32Array, rope: Of<'yarn'>, width: number, positions: number): RopeTable {
  const { original_max_position_embeddings: original, rope_theta: theta, mscale, mscale_all_dim: all } = rope;
  const factor = rope.factor ?? positions / original;
  const growth = (by = 1): number => (factor <= 1 ? 1 : 0.1 * by * Math.log(factor) + 1);
  const scale = rope.attention_factor ?? (mscale && all ? growth(mscale) / growth(all) : growth());
  const pairOf = (turns: number): number =>
    (width * Math.log(original / (turns * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(rope.beta_fast ?? 32), pairOf(rope.beta_slow ?? 1)];
  const low = Math.max(rope.truncate ? Math.floor(fast) : fast, 0);
  const end = Math.min(rope.truncate ? Math.ceil(slow) : slow, width - 1);
  const high = low === end ? end + 0.001 : end;
  const frequencies = plain.map((f, i) => {
    const stretched = Math.min(Math.max((i - low) / (high - low), 0), 1);
    return (f / factor) * stretched + f * (1 - stretched);
  });
  return { frequencies, scale };
}

/** LongRoPE (Ding et al., 2024) up to the original positions. */
function longRope(plain: Float32Array, rope: Of<'longrope'>, positions: number): RopeTable {
  const { original_max_position_embeddings: original, short_factor } = rope;
  const factor = rope.factor ?? positions / original;
  const grown = factor <= 1 ? 1 : Math.sqrt(1 + Math.log(factor) / Math.log(original));
  const frequencies = plain.map((f, i) => f / short_factor[i]!);
  return { frequencies, scale: rope.attention_factor ?? grown };
}

/** Cosines and sines of rotary position embeddings, [N + l, r / 2] each. */
export interface Rotation {
  readonly cos: Tensor;
  readonly sin: Tensor;
}

/**
 * Rotary embeddings of the N tokens by their positions [N], then of the l virtual ones, which stand before every
 * sequence.
 */
export function rotationAt(
  ofBatch: Tensor,
  { virtual, prefixLength }: { readonly virtual: number; readonly prefixLength: number },
  { frequencies, scale }: RopeTable,
): Rotation {
  const ofTokens = ofBatch.cast('float32').add(prefixLength + virtual);
  const ofVirtual = Float32Array.from({ length: virtual }, (_, i) => prefixLength + i);
  const positions = virtual > 0 ? ops.concat([ofTokens, ops.tensor(ofVirtual)], 0) : ofTokens;
  const angles = positions.reshape([-1, 1]).mul(ops.tensor(frequencies, [1, frequencies.length]));
  const [cos, sin] = [angles.cos(), angles.sin()];
  return scale === 1 ? { cos, sin } : { cos: cos.mul(scale), sin: sin.mul(scale) };
}

/** Rotates heads of width h, [N, H·h], or the first r numbers of each where the angles are for these alone. */
export function rotateHeads(x: Tensor, { cos, sin }: Rotation, headWidth: number): Tensor {
  const part = 2 * cos.shape[1]!;
  if (part === headWidth) return ops.rotate(x, cos, sin);
  const [rows, width] = x.shape as [number, number];
  const heads = width / headWidth;
  const [turned, rest] = ops.split(x.reshape([rows, heads, headWidth]), [part, headWidth - part], 2) as [
    Tensor,
    Tensor,
  ];
  const rotated = ops.rotate(turned.reshape([rows, heads * part]), cos, sin).reshape([rows, heads, part]);
  return ops.concat([rotated, rest], 2).reshape([rows, width]);
}
