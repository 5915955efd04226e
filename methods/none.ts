import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

/**
 * Nothing of the base. An encoder's head is trained, on states that stay as they are (a linear probe); a base that writes
 * answers as it is, without a step of training.
 */
export default defineMethod({
  name: 'none',
  label: 'Frozen base',
  paper: 'Alain & Bengio 2016, arXiv:1610.01644',
  formula: 'θ → θ',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-2 },
  attach: () => ({ trained: {}, merge: () => () => [] }),
});
