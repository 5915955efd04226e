/**
 * rsLoRA, rank-stabilised LoRA (Kalajdzievski 2023): LoRA whose scale is α / √r, so that its gradients keep
 * their size as the rank grows. The same as `lora~rankStabilized=true`; take it for ranks of dozens and more.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { loraDelta, placeOptions, sizeOptions } from './shared/low-rank.ts';

export default defineMethod({
  name: 'rslora',
  label: 'rsLoRA',
  paper: 'Kalajdzievski 2023, arXiv:2312.03732',
  formula: 'y = W x + (α / √r) B A x',
  options: z.strictObject({ ...sizeOptions, ...placeOptions }),
  defaults: { learningRate: 2e-4 },
  attach: (base, options) => loraDelta(base, { ...options, rankStabilized: true }),
});
