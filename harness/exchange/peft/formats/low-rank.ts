/** LoRA, rsLoRA, PiSSA, DoRA and VeRA in PEFT's files: the names and settings of each. */
import { z } from 'zod';
import type { StoredTensors } from '../../adapter.ts';
import type { Format } from '../format.ts';
import { overLinearModules } from './linear-modules.ts';
import { patternSetting } from '../patterns.ts';
import { noBias } from '../settings.ts';
import { tokenSetting } from '../base-parts.ts';
import { sideBySide } from '../../../support/numbers/matrix.ts';

const rank = z.int().positive();
const alpha = z.number().positive();
const dropout = z.number().min(0).lt(1).default(0);
const any = z.unknown().optional();

/**
 * PEFT's settings for how the tensors were initialised. Only starts that leave the base's weights unchanged
 * can be read.
 */
export const beginning = {
  init_lora_weights: z
    .union([z.boolean(), z.enum(['gaussian', 'orthogonal', 'eva'])], {
      error: ({ input }) =>
        input === 'mica'
          ? 'MiCA trains lora_A alone, which is not done here'
          : 'this start changes the weights of the base; peft converts such an adapter to LoRA: ' +
            'save_pretrained(…, path_initial_model_for_weight_conversion=…)',
    })
    .default(true),
  eva_config: any,
  corda_config: any,
  loftq_config: any,
  lora_ga_config: any,
};

const names = { rank: 'r', alpha: 'lora_alpha', dropout: 'lora_dropout' };
const parts = {
  'lora_A.weight': 'lora_A.weight',
  'lora_B.weight': 'lora_B.weight',
  lora_embedding_A: 'lora_embedding_A',
  lora_embedding_B: 'lora_embedding_B',
};
const alsoOn = ['embedding', 'head'] as const;
const settings = z.object({
  r: rank,
  lora_alpha: alpha,
  lora_dropout: dropout,
  bias: z.enum(['none', 'all', 'lora_only']).default('none'),
  ...beginning,
  rank_pattern: patternSetting(rank),
  alpha_pattern: patternSetting(alpha),
  use_rslora: z.boolean().default(false),
  trainable_token_indices: tokenSetting,
});
const fixed = { init_lora_weights: true };
/** The numbers that modules adapted by LoRA and its relatives may differ in. */
export const ranksAndAlphas = [
  { usual: 'rank', exceptions: 'ranks', pattern: 'rank_pattern' },
  { usual: 'alpha', exceptions: 'alphas', pattern: 'alpha_pattern' },
];

/** LoRA, and with `use_rslora` rsLoRA. */
export const lora = overLinearModules({
  peftType: 'LORA',
  names: { ...names, rankStabilized: 'use_rslora', biasOfB: 'lora_bias' },
  settings: settings.extend({
    lora_bias: z
      .boolean()
      .default(false)
      .transform((on) => on || undefined),
  }),
  fixed: { ...fixed, use_dora: false, lora_bias: false },
  parts: { ...parts, 'lora_B.bias': 'lora_B.bias' },
  perModule: ranksAndAlphas,
  alsoOn,
  isLora: true,
});

/** rsLoRA, which is read as LoRA with its option. */
export const rslora: Format = {
  ...lora,
  write: (adapter, base) =>
    lora.write({ ...adapter, options: { ...adapter.options, rankStabilized: true } }, base),
};

const pissaTensors = overLinearModules({
  peftType: 'LORA',
  names,
  settings: settings.extend({
    init_lora_weights: z.literal('pissa', {
      error: () =>
        'its start is found by a randomized method, so that another one would be subtracted; peft converts such an ' +
        'adapter to LoRA: save_pretrained(…, path_initial_model_for_weight_conversion=…)',
    }),
    use_rslora: z.literal(false, 'PiSSA with the scale alpha / √r is not computed here').default(false),
  }),
  fixed: {},
  parts: { 'lora_A.weight': 'lora_A.weight', 'lora_B.weight': 'lora_B.weight' },
  perModule: ranksAndAlphas,
  isLora: true,
});

/**
 * PiSSA, read as PEFT saves it, A and B alone: loading them, PEFT finds A₀ and B₀ in the base again, as the method
 * does. It is written as what PEFT converts it to: LoRA of twice the rank on the unchanged base, B A − B₀ A₀. Twice
 * the alpha keeps the scale.
 */
export const pissa: Format = {
  ...pissaTensors,
  write({ options, tensors, ...adapter }, base) {
    const twice = (numbers: unknown): unknown =>
      (numbers as string[] | undefined)?.map((text) => {
        const [module, number] = text.split(':');
        return `${module}:${2 * Number(number)}`;
      });
    const joined: Record<string, StoredTensors[string]> = Object.fromEntries(
      Object.entries(tensors).filter(([name]) => !/\.(lora|pissa)_[AB]\.weight$/.test(name)),
    );
    for (const { name } of base.sites.filter((site) => `${site.name}.lora_A.weight` in tensors)) {
      const [A, B, A0, B0] = ['lora_A', 'lora_B', 'pissa_A', 'pissa_B'].map(
        (part) => tensors[`${name}.${part}.weight`]!,
      ) as [StoredTensors[string], StoredTensors[string], StoredTensors[string], StoredTensors[string]];
      const [rank, inputs] = A.shape as [number, number];
      joined[`${name}.lora_A.weight`] = {
        shape: [2 * rank, inputs],
        data: sideBySide(A.data, A0.data, 1),
      };
      joined[`${name}.lora_B.weight`] = {
        shape: [B.shape[0]!, 2 * rank],
        data: sideBySide(
          B.data,
          B0.data.map((value) => -value),
          B.shape[0]!,
        ),
      };
    }
    const doubled = {
      ...options,
      rank: 2 * (options.rank as number),
      alpha: 2 * (options.alpha as number),
      ranks: twice(options.ranks),
      alphas: twice(options.alphas),
      rankStabilized: false,
    };
    return lora.write({ ...adapter, options: doubled, tensors: joined }, base);
  },
};

/** DoRA, which PEFT stores as LoRA with `use_dora`. */
export const dora = overLinearModules({
  peftType: 'LORA',
  names: { ...names, rankStabilized: 'use_rslora' },
  settings: settings.extend({
    use_dora: z.literal(true),
    // The option is absent where it is off, as in runs from before it existed, so that their identities stay
    // equal.
    use_rslora: z
      .boolean()
      .default(false)
      .transform((on) => on || undefined),
  }),
  fixed: { ...fixed, use_dora: true, use_rslora: false },
  parts: { ...parts, 'lora_magnitude_vector.weight': 'lora_magnitude_vector' },
  perModule: ranksAndAlphas,
  alsoOn,
  isLora: true,
});

/** VeRA. The frozen projections are stored too, since PEFT would draw other ones from torch's generator. */
export const vera = overLinearModules({
  peftType: 'VERA',
  names: {
    rank: 'r',
    dropout: 'vera_dropout',
    initialScale: 'd_initial',
    projectionKey: 'projection_prng_key',
  },
  settings: z.object({
    r: rank,
    vera_dropout: dropout,
    bias: noBias,
    init_weights: z.boolean().default(true),
    d_initial: z.number().default(0.1),
    projection_prng_key: z.int().default(0),
    save_projection: z
      .literal(true, "without its projections, which only torch's generator can draw, it cannot be read")
      .default(true),
  }),
  fixed: { bias: 'none', init_weights: true, save_projection: true },
  parts: { vera_lambda_b: 'vera_lambda_b', vera_lambda_d: 'vera_lambda_d' },
  shared: ['vera_A', 'vera_B'],
});
