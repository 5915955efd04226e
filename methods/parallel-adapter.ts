/**
 * The parallel adapter on the feed-forward (He et al. 2021): y ← y + s · Up(relu(Down(x))), where x is what
 * the feed-forward receives. The form that its authors found best in a unified view of adapters, prefixes and
 * LoRA; it is wide, and so has the most parameters of the adapters here.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editSublayers,
  linearBound,
  type Tensor,
  tensorsAt,
  uniformTensor,
} from '../harness/method.ts';
import { bottleneckOf, bottleneckTensors, sublayers } from './shared/bottleneck.ts';

export default defineMethod({
  name: 'parallel-adapter',
  label: 'Parallel adapter',
  paper: 'He et al. 2021, arXiv:2110.04366',
  formula: 'h → h + s · (W_up relu(W_down x + b_down) + b_up), x what the sublayer receives',
  options: z.strictObject({
    bottleneck: z
      .int()
      .positive()
      .default(512)
      .describe('width between the projections; the paper takes 16 on GLUE'),
    scale: z.number().positive().default(4).describe('s; the paper takes 4 for generation, 2 on GLUE'),
    dropout: z.number().min(0).lt(1).default(0.1).describe('on the bottleneck while training'),
  }),
  defaults: { learningRate: 1e-4 },
  attach(base, { bottleneck, scale, dropout }) {
    const sites = sublayers(base, ({ role }) => role === 'mlp');
    return {
      // Up starts at 0, so that training starts at the base model.
      trained: tensorsAt(sites, ({ outputs }) =>
        bottleneckTensors('parallel_adapter', outputs, bottleneck, {
          down: (shape) => uniformTensor(shape, linearBound(outputs)),
          up: (shape) => constantTensor(shape, 0),
        }),
      ),
      edits: (x, context) =>
        editSublayers(sites, x, (y, { input, own, site }) => {
          const activate = (low: Tensor): Tensor =>
            context.dropout(low.relu(), dropout, `${site.name}.parallel_adapter.dropout`);
          return y.add(bottleneckOf(own, 'parallel_adapter', input, activate).mul(scale));
        }),
    };
  },
});
