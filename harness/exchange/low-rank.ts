import { z } from 'zod';
import { overLinearModules } from './linear-modules.ts';
import { noBias } from './settings.ts';

const rank = z.int().positive();
const alpha = z.number().positive();
const dropout = z.number().min(0).lt(1).default(0);
/** How the tensors began; PEFT's other ways change the weights of the base. */
export const beginning = z
  .union(
    [z.boolean(), z.enum(['gaussian', 'orthogonal', 'eva'])],
    'this start changes the weights of the base',
  ) // prettier-ignore
  .default(true);

const names = { rank: 'r', alpha: 'lora_alpha', dropout: 'lora_dropout' };
const parts = { 'lora_A.weight': 'lora_A.weight', 'lora_B.weight': 'lora_B.weight' };
const settings = z.object({
  ...{ r: rank, lora_alpha: alpha, lora_dropout: dropout, bias: noBias, init_lora_weights: beginning },
  use_rslora: z.boolean().default(false),
});
const fixed = { bias: 'none', init_lora_weights: true };

/** LoRA and rsLoRA. */
export const lora = overLinearModules({
  peftType: 'LORA',
  names: { ...names, rankStabilized: 'use_rslora' },
  settings,
  fixed: { ...fixed, use_dora: false },
  parts,
});

/** DoRA, in PEFT a setting of LoRA. */
export const dora = overLinearModules({
  peftType: 'LORA',
  names,
  settings: settings.extend({
    use_dora: z.literal(true),
    use_rslora: z.literal(false, 'DoRA has no rank-stabilized scale here').default(false),
  }),
  fixed: { ...fixed, use_dora: true, use_rslora: false },
  parts: { ...parts, 'lora_magnitude_vector.weight': 'lora_magnitude_vector' },
});

/** VeRA; the frozen projections travel along, for PEFT draws its own from torch's generator. */
export const vera = overLinearModules({
  peftType: 'VERA',
  names: { rank: 'r', dropout: 'vera_dropout', initialScale: 'd_initial', projectionKey: 'projection_prng_key' }, // prettier-ignore
  settings: z.object({
    ...{ r: rank, vera_dropout: dropout, bias: noBias, init_weights: z.boolean().default(true) },
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
