/**
 * LoRA, low-rank adaptation (Hu et al. 2021), as Hugging Face peft defines it: y = W x + (α / r) B A
 * dropout(x), with A [r, inputs] and B [outputs, r]. The usual choice: it merges into the base, so that
 * inference costs nothing more, and its rank sets how much it can change. GPT-2's fused c_attn is one matrix.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { loraDelta, placeOptions, sizeOptions } from './shared/low-rank.ts';

export default defineMethod({
  name: 'lora',
  label: 'LoRA',
  paper: 'Hu et al. 2021, arXiv:2106.09685',
  formula: 'y = W x + (α / r) B A x',
  options: z.strictObject({
    ...sizeOptions,
    rankStabilized: z.boolean().default(false).describe('scale alpha / √r (rsLoRA)'),
    ...placeOptions,
    biasOfB: z.literal(true).optional().describe('B has a bias, which is scaled as B is (peft: lora_bias)'),
  }),
  defaults: { learningRate: 2e-4 },
  attach: (base, options) => loraDelta(base, options),
});
