/**
 * LoRA, low-rank adaptation (Hu et al. 2021), as Hugging Face peft defines it: y = W x + (α / r) B A
 * dropout(x), with A [r, inputs] and B [outputs, r]. The usual choice: it merges into the base, so that
 * inference costs nothing more, and its rank sets how much it can change. GPT-2's fused c_attn is one matrix.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editLinears,
  linearBound,
  matMul,
  mergeAt,
  tensorsAt,
  uniformTensor,
} from '../harness/method.ts';
import { lowRank, placeOptions, sizeOptions } from './shared/low-rank.ts';

export default defineMethod({
  name: 'lora',
  label: 'LoRA',
  paper: 'Hu et al. 2021, arXiv:2106.09685',
  formula: 'y = W x + (α / r) B A x',
  options: z.strictObject({
    ...sizeOptions,
    rankStabilized: z.boolean().default(false).describe('scale alpha / √r (rsLoRA)'),
    ...placeOptions,
  }),
  defaults: { learningRate: 2e-4 },
  attach(base, options) {
    const { sites, rankOf, scaleOf } = lowRank(base, options);
    return {
      trained: tensorsAt(sites, (site) => ({
        'lora_A.weight': uniformTensor([rankOf(site), site.inputs], linearBound(site.inputs)),
        'lora_B.weight': constantTensor([site.outputs, rankOf(site)], 0),
      })),
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const dropped = context.dropout(input, options.dropout, `${site.name}.lora_dropout`);
          const low = matMul(dropped, own('lora_A.weight'), false, true);
          return y.add(matMul(low, own('lora_B.weight'), false, true).mul(scaleOf(site)));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low: () => ({
            up: own('lora_B.weight').map((b) => b * scaleOf(site)),
            down: own('lora_A.weight'),
          }),
        })),
    };
  },
});
