/**
 * Adapters after the feed-forward alone (Pfeiffer et al. 2020): y ← y + Up(gelu(Down(y))), as OpenDelta
 * defines them. Half of Adapter's parameters and of its cost, often at the same score.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { adapters, bottleneck, layerNorms, sublayers } from './shared/bottleneck.ts';

export default defineMethod({
  name: 'adapter-ffn',
  label: 'Adapter_FFN',
  paper: 'Pfeiffer et al. 2020, arXiv:2005.00247',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up',
  options: z.strictObject({ bottleneck, layerNorms }),
  ablations: { 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 1e-4 },
  attach(base, options) {
    const sites = sublayers(base, ({ role }) => role === 'mlp');
    return adapters(sites, options);
  },
});
