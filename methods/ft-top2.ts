/**
 * Fine-tuning of the last blocks of each stack alone, without embeddings and final norm (the baseline FT-top2
 * of Li and Liang 2021). Its backward pass ends early, so that steps are cheap for the many parameters that
 * it trains.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'ft-top2',
  label: 'FT_top2',
  paper: 'Li and Liang 2021, arXiv:2101.00190',
  formula: 'θ → θ + Δθ, the last two blocks',
  options: z.strictObject({
    blocks: z.int().positive().default(2).describe('how many of the last blocks are trained'),
  }),
  defaults: { learningRate: 5e-5 },
  attach(base, { blocks }) {
    const all = base.sites.filter((site) => site.kind === 'block');
    const last = all.filter(({ stack, layer }) => {
      const layers = all.filter((other) => other.stack === stack).length;
      if (blocks > layers) throw new RangeError(`${base.id} has ${layers} blocks, not ${blocks}`);
      return layer >= layers - blocks;
    });
    return {
      trained: {},
      unfreezes: (tensor) => last.some(({ name }) => tensor.startsWith(`${name}.`)),
      merge: () => () => [],
    };
  },
});
