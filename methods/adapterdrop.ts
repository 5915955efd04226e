import { z } from 'zod';
import { adapters, bottleneck, crossAttention, layerNorms, sublayers } from './shared/bottleneck.ts';
import { defineMethod, type Site } from '../harness/method.ts';

/**
 * AdapterDrop, the fixed form: adapters, but none in the first layers of a stack. They start as Adapter's do, N(0, 0.01);
 * the code behind the published T5 rows starts both matrices as torch's Linear does, U(±1/√in), trains every norm
 * (layerNorms=all) and leaves cross attention alone (crossAttention=false).
 */
export default defineMethod({
  name: 'adapterdrop',
  label: 'AdapterDrop',
  paper: 'Rücklé et al. 2020, arXiv:2010.11918',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up, in layers from n on',
  options: z.strictObject({
    drop: z.int().min(0).default(5).describe('how many of the first layers of a stack go without'),
    bottleneck,
    layerNorms,
    crossAttention,
  }),
  ablations: { 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 1e-4 },
  attach(base, { drop, ...options }) {
    const wanted = (site: Site): boolean =>
      site.layer >= drop && (options.crossAttention || site.attention !== 'cross');
    return adapters(sublayers(base, wanted), options);
  },
});
