/**
 * P-tuning (Liu et al. 2021) as Hugging Face peft defines it: X → [MLP(P); X], embeddings of virtual tokens
 * before the input, made from trained ones by Linear(d, h), ReLU, Linear(h, h), ReLU, Linear(h, d). The
 * network makes prompts easier to train than prompt tuning's; after training only its output counts.
 */
import { z } from 'zod';
import { defineMethod, linear, normalTensor, type Tensor } from '../harness/method.ts';
import { linearTensors, requireRoom } from './shared/virtual-tokens.ts';

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
    requireRoom(base, l);
    const { width, embeddingWidth: d = width } = base.architecture;
    const h = hidden ?? d;
    return {
      trained: {
        'embedding.weight': normalTensor([l, d], 1),
        ...linearTensors('mlp_head.0', d, h),
        ...linearTensors('mlp_head.2', h, h),
        ...linearTensors('mlp_head.4', h, d),
      },
      promptLength: l,
      edits: (x) => ({
        prompt() {
          const layer = (name: string, y: Tensor): Tensor =>
            linear(y, x[`${name}.weight`]!, x[`${name}.bias`], true);
          const first = layer('mlp_head.0', x['embedding.weight']!).relu();
          const second = layer('mlp_head.2', first).relu();
          return layer('mlp_head.4', second);
        },
      }),
    };
  },
});
