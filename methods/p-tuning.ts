import { z } from 'zod';
import { defineMethod, linear, type Tensor, type TensorSpec, sizeOf } from '../harness/method.ts';

/**
 * P-tuning as Hugging Face peft defines it: embeddings of virtual tokens before the input, made from trained ones by
 * Linear(d, h), ReLU, Linear(h, h), ReLU, Linear(h, d).
 */
export default defineMethod({
  name: 'p-tuning',
  label: 'P-tuning',
  paper: 'Liu et al. 2021, arXiv:2103.10385',
  formula: 'X → [MLP(P); X]',
  options: z.strictObject({
    virtualTokens: z.int().positive().default(20).describe('l, tokens before the input'),
    hidden: z.int().positive().optional().describe("h, the network's width; the model's where absent"),
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { virtualTokens: l, hidden }) {
    const { width: d, positions } = base.architecture;
    if (l >= positions) throw new RangeError(`${base.id} has no room for ${l} virtual tokens: ${positions} positions`); // prettier-ignore
    const h = hidden ?? d;
    // torch's Linear is U(±1/√in), its bias too.
    const uniform = (inputs: number, ...shape: number[]): TensorSpec => ({
      shape,
      init: (random) => random.uniform(sizeOf(shape), -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)), // prettier-ignore
    });
    const layers = [[0, d, h], [2, h, h], [4, h, d]] as const; // prettier-ignore
    const trained: Record<string, TensorSpec> = {
      'embedding.weight': { shape: [l, d], init: (random) => random.normal(l * d, 0, 1) },
    };
    for (const [i, inputs, outputs] of layers) {
      trained[`mlp_head.${i}.weight`] = uniform(inputs, outputs, inputs);
      trained[`mlp_head.${i}.bias`] = uniform(inputs, outputs);
    }
    return {
      trained,
      promptLength: l,
      edits: (x) => ({
        prompt: () =>
          layers.reduce<Tensor>((y, [i]) => {
            const next = linear(y, x[`mlp_head.${i}.weight`]!, x[`mlp_head.${i}.bias`], true);
            return i < 4 ? next.relu() : next;
          }, x['embedding.weight']!),
      }),
    };
  },
});
