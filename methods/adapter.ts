import { z } from 'zod';
import { adapters, bottleneck, crossAttention, layerNorms, sublayers } from './shared/bottleneck.ts';
import { defineMethod, type Site } from '../harness/method.ts';

/** Adapters after attention and after the feed-forward: y ← y + Up(gelu(Down(y))), as OpenDelta defines them. */
export default defineMethod({
  name: 'adapter',
  label: 'Adapter',
  paper: 'Houlsby et al. 2019, arXiv:1902.00751',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up',
  options: z.strictObject({ bottleneck, layerNorms, crossAttention }),
  ablations: { 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 1e-4 },
  attach(base, options) {
    const wanted = (site: Site): boolean => options.crossAttention || site.attention !== 'cross';
    return adapters(sublayers(base, wanted), options);
  },
});
