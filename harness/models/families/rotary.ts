/**
 * Rotary position embeddings (Su et al., 2021): config.json's parameters and the angles that follow from
 * them.
 */
import { z } from 'zod';

const positive = z.number().positive();
const scalings = {
  default: { rope_type: z.literal('default') },
  linear: { rope_type: z.literal('linear'), factor: positive },
  // Only sequences beyond the model's positions are stretched, and deltabench cuts sequences there.
  dynamic: { rope_type: z.literal('dynamic'), factor: positive },
  llama3: {
    rope_type: z.literal('llama3'),
    factor: positive,
    low_freq_factor: positive,
    high_freq_factor: positive,
    original_max_position_embeddings: z.int().positive(),
  },
} as const;
const common = {
  rope_theta: positive.default(10_000),
  partial_rotary_factor: z.literal(1).optional(),
};

/** Hugging Face's rope_parameters, the angles of rotary position embeddings. */
export const ropeParameters = z.discriminatedUnion(
  'rope_type',
  [
    z.looseObject({ ...common, ...scalings.default }),
    z.looseObject({ ...common, ...scalings.linear }),
    z.looseObject({ ...common, ...scalings.dynamic }),
    z.looseObject({ ...common, ...scalings.llama3 }),
  ],
  {
    error: ({ input }) =>
      `rotary embeddings of type ${JSON.stringify((input as { rope_type?: unknown } | undefined)?.rope_type)} ` +
      `are not built; ${Object.keys(scalings).join(', ')} are`,
  },
);
export type RopeParameters = z.infer<typeof ropeParameters>;

/**
 * rope_parameters as transformers 5 writes them, from a config.json of any age: rope_theta apart,
 * rope_scaling with `type`.
 */
export function gatherRopeParameters(config: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const { rope_theta, rope_scaling, rope_parameters } = config;
  const given = { ...(rope_scaling ?? {}), ...(rope_parameters ?? {}) } as Record<string, unknown>;
  return {
    ...(rope_theta != null && { rope_theta }),
    ...given,
    rope_type: given.rope_type ?? given.type ?? 'default',
  };
}

/**
 * The angle by which each pair of a head turns from one position to the next, [h / 2], as transformers
 * computes it in float32.
 */
export function inverseFrequencies(rope: RopeParameters, headWidth: number): Float32Array {
  const plain = Float32Array.from({ length: headWidth / 2 }, (_, i) => {
    const exponent = Math.fround((2 * i) / headWidth);
    return 1 / Math.fround(rope.rope_theta ** exponent);
  });
  if (rope.rope_type === 'linear') return plain.map((f) => f / rope.factor);
  if (rope.rope_type !== 'llama3') return plain;
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
