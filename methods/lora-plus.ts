/**
 * LoRA+ (Hayou et al. 2024): LoRA whose B learns at a multiple of A's rate, which in wide models moves both at
 * the same speed. Its authors take about half of LoRA's rate for A, and a larger ratio where a task is hard.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';
import { loraDelta, placeOptions, sizeOptions } from './shared/low-rank.ts';

export default defineMethod({
  name: 'lora-plus',
  label: 'LoRA+',
  paper: 'Hayou et al. 2024, arXiv:2402.12354',
  formula: 'y = W x + (α / r) B A x, η_B = λ η_A',
  options: z.strictObject({
    ...sizeOptions,
    ratio: z.number().min(1).default(16).describe("λ, B's learning rate over A's, which is the recipe's"),
    ...placeOptions,
  }),
  defaults: { learningRate: 1e-4 },
  attach: (base, options) => loraDelta(base, options),
});
