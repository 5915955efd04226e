/**
 * Full fine-tuning: every tensor of the base, θ → θ + Δθ. The baseline that every PEFT paper compares with;
 * it needs the most memory, and a copy of the model for each task.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'full',
  label: 'FT',
  paper: 'the baseline of every PEFT paper',
  formula: 'θ → θ + Δθ, every tensor',
  options: z.strictObject({}),
  defaults: { learningRate: 5e-5 },
  attach: () => ({ trained: {}, unfreezes: () => true, merge: () => () => [] }),
});
