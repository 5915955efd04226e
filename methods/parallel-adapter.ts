import { z } from 'zod';
import { afterSublayers, bottleneckAt, bottleneckSpecs, sublayers } from './shared/bottleneck.ts';
import { defineMethod, type Site, type Tensor } from '../harness/method.ts';

/** The parallel adapter on the feed-forward: y ← y + s · Up(relu(Down(x))), x what the feed-forward receives. */
export default defineMethod({
  name: 'parallel-adapter',
  label: 'Parallel adapter',
  paper: 'He et al. 2021, arXiv:2110.04366',
  formula: 'h → h + s · (W_up relu(W_down x + b_down) + b_up), x what the sublayer receives',
  options: z.strictObject({
    bottleneck: z.int().positive().default(512).describe('width between the projections; the paper takes 16 on GLUE'), // prettier-ignore
    scale: z.number().positive().default(4).describe('s; the paper takes 4 for generation, 2 on GLUE'),
    dropout: z.number().min(0).lt(1).default(0.1).describe('on the bottleneck while training'),
  }),
  defaults: { learningRate: 1e-4 },
  attach(base, { bottleneck, scale, dropout }) {
    const at = (site: Site): string => `${site.name}.parallel_adapter`;
    return afterSublayers(
      sublayers(base, (site) => site.role === 'mlp'),
      'frozen',
      // Down as torch's Kaiming uniform with a = √5, Up at 0: the identity at the start.
      (site) =>
        bottleneckSpecs(at(site), site.outputs, bottleneck, {
          down: (random, outputs, inputs) =>
            random.uniform(outputs * inputs, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)),
          up: (_, outputs, inputs) => new Float32Array(outputs * inputs),
        }),
      (y, { site, x, input, context }) => {
        const between = (low: Tensor): Tensor => context.dropout(low.relu(), dropout, `${at(site)}.dropout`);
        return y.add(bottleneckAt(x, at(site), input, between).mul(scale));
      },
    );
  },
});
