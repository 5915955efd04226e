/**
 * Trains nothing of the base: the lower baseline. On an encoder the task's head is trained on states that
 * stay as they are (a linear probe, Alain & Bengio 2016); a base that writes answers is tested as it is,
 * without a step of training.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'none',
  label: 'Frozen base',
  paper: 'Alain & Bengio 2016, arXiv:1610.01644',
  formula: 'θ → θ',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-2 },
  attach: () => ({ trained: {}, merge: () => () => [] }),
});
