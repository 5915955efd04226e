import { z } from 'zod';
import { defineMethod, matMul, type Site, type TensorSpec } from '../harness/method.ts';
import { lowRank, placeOptions, sizeOptions } from './shared/low-rank.ts';

/** LoRA as Hugging Face peft defines it: y = W x + alpha / r · B A dropout(x); GPT-2's fused c_attn is one matrix. */
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
    const { dropout } = options;
    const { sites, adapts, rankOf, scaleOf } = lowRank(base, options);
    const A = (site: Site): string => `${site.name}.lora_A.weight`;
    const B = (site: Site): string => `${site.name}.lora_B.weight`;
    // torch's Kaiming uniform with a = √5 is U(±1/√in).
    const specs = (site: Site): [string, TensorSpec][] => {
      const [rank, bound] = [rankOf(site), 1 / Math.sqrt(site.inputs)];
      return [
        [
          A(site),
          { shape: [rank, site.inputs], init: (random) => random.uniform(rank * site.inputs, -bound, bound) },
        ],
        [B(site), { shape: [site.outputs, rank], init: () => new Float32Array(site.outputs * rank) }],
      ];
    };
    return {
      trained: Object.fromEntries(sites.flatMap(specs)),
      edits: (x, context) => ({
        linear: (site) =>
          adapts(site)
            ? {
                output(y, input) {
                  const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
                  const low = matMul(dropped, x[A(site)]!, false, true);
                  return y.add(matMul(low, x[B(site)]!, false, true).mul(scaleOf(site)));
                },
              }
            : undefined,
      }),
      merge: (x) => (site) =>
        adapts(site)
          ? [
              {
                low: () => {
                  const scale = scaleOf(site);
                  return { up: x[B(site)]!.map((value) => value * scale), down: x[A(site)]! };
                },
              },
            ]
          : [],
    };
  },
});
