/**
 * Adapters after attention and after the feed-forward (Houlsby et al. 2019): y ← y + Up(gelu(Down(y))), as
 * OpenDelta defines them. The first PEFT method, and a strong one at some percent of the parameters; it does
 * not merge, so that inference stays slower than the base's.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { adapters, bottleneck, crossAttention, layerNorms, sublayers } from './shared/bottleneck.ts';

export default defineMethod({
  name: 'adapter',
  label: 'Adapter',
  paper: 'Houlsby et al. 2019, arXiv:1902.00751',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up',
  options: z.strictObject({ bottleneck, layerNorms, crossAttention }),
  ablations: { 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 1e-4 },
  attach(base, options) {
    const sites = sublayers(base, ({ attention }) => options.crossAttention || attention !== 'cross');
    return adapters(sites, options);
  },
});
