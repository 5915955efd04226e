import { z } from 'zod';
import { matMul } from '../harness/engine/ops.ts';
import { linearTargets, queryAndValue } from '../harness/models/targets.ts';
import { defineMethod, type Site, type TensorSpec } from '../harness/models/types.ts';

/** LoRA as Hugging Face peft defines it: y = W x + alpha / r · B A dropout(x); GPT-2's fused c_attn is one matrix. */
export default defineMethod({
  name: 'lora',
  label: 'LoRA',
  paper: 'Hu et al. 2021, arXiv:2106.09685',
  formula: 'y = W x + (α / r) B A x',
  options: z.strictObject({
    rank: z.int().positive().default(8).describe('r, rows of A and columns of B'),
    alpha: z.number().positive().default(8).describe('numerator of the scale alpha / r'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
    rankStabilized: z.boolean().default(false).describe('scale alpha / √r (rsLoRA)'),
    targets: queryAndValue,
  }),
  defaults: { learningRate: 2e-4 },
  attach(base, { rank, alpha, dropout, rankStabilized, targets }) {
    const sites = linearTargets(base, targets);
    const scale = alpha / (rankStabilized ? Math.sqrt(rank) : rank);
    const A = (site: Site): string => `${site.name}.lora_A.weight`;
    const B = (site: Site): string => `${site.name}.lora_B.weight`;
    const adapted = new Set(sites.map((s) => s.name));
    // torch's Kaiming uniform with a = √5 is U(±1/√in).
    const specs = (site: Site): [string, TensorSpec][] => {
      const bound = 1 / Math.sqrt(site.inputs);
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
          adapted.has(site.name)
            ? {
                output(y, input) {
                  const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
                  const low = matMul(dropped, x[A(site)]!, false, true);
                  return y.add(matMul(low, x[B(site)]!, false, true).mul(scale));
                },
              }
            : undefined,
      }),
      merge: (x) => (site) =>
        adapted.has(site.name)
          ? [{ low: () => ({ up: x[B(site)]!.map((value) => value * scale), down: x[A(site)]! }) }]
          : [],
    };
  },
});
