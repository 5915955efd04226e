/**
 * LoRA, low-rank adaptation (Hu et al. 2021), as Hugging Face peft defines it: y = W x + (α / r) B A
 * dropout(x), with A [r, inputs] and B [outputs, r]. The usual choice: it merges into the base, so that
 * inference costs nothing more, and its rank sets how much it can change. GPT-2's fused c_attn is one matrix.
 */
import { z } from 'zod';
import { defineMethod, editEmbeddings, editLinears, matMul, mergeAt, tensorsAt } from '../harness/method.ts';
import { embeddedLow, lowRank, placeOptions, sizeOptions } from './shared/low-rank.ts';

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
    const { sites, linear, embeddings, tensorsOf, scaleOf, lowOf, unfreezes } = lowRank(base, options);
    return {
      trained: tensorsAt(sites, tensorsOf),
      ...unfreezes,
      edits: (x, context) => ({
        ...editLinears(linear, x, (y, { input, own, site }) => {
          const dropped = context.dropout(input, options.dropout, `${site.name}.lora_dropout`);
          const low = matMul(dropped, own('lora_A.weight'), false, true);
          return y.add(matMul(low, own('lora_B.weight'), false, true).mul(scaleOf(site)));
        }),
        ...(embeddings.length > 0 &&
          editEmbeddings(embeddings, x, (rows, { ids, own, site }) =>
            rows.add(embeddedLow(own, ids).mul(scaleOf(site))),
          )),
      }),
      merge: (x) => mergeAt(sites, x, ({ own, site }) => ({ low: lowOf(site, own) })),
    };
  },
});
