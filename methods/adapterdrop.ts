/**
 * AdapterDrop (Rücklé et al. 2020), the fixed form: adapters, but none in the first layers of a stack, which
 * makes steps and inference cheaper. They start as Adapter's do, N(0, 0.01²). The code behind the published
 * T5 rows differs: it starts both matrices as torch's Linear does, U(±1/√in), trains every norm
 * (layerNorms=all) and leaves cross attention alone (crossAttention=false).
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { adapters, bottleneck, crossAttention, layerNorms, sublayers } from './shared/bottleneck.ts';

export default defineMethod({
  name: 'adapterdrop',
  label: 'AdapterDrop',
  paper: 'Rücklé et al. 2020, arXiv:2010.11918',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up, in layers from n on',
  options: z.strictObject({
    drop: z.int().min(0).default(5).describe('how many of the first layers of a stack have no adapter'),
    bottleneck,
    layerNorms,
    crossAttention,
  }),
  ablations: { 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 1e-4 },
  attach(base, { drop, ...options }) {
    const sites = sublayers(
      base,
      ({ layer, attention }) => layer >= drop && (options.crossAttention || attention !== 'cross'),
    );
    return adapters(sites, options);
  },
});
