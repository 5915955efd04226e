import { z } from 'zod';
import { defineMethod } from '../harness/models/types.ts';

/** Nothing of the base: the task's head alone is trained, on states that stay as they are (a linear probe). */
export default defineMethod({
  name: 'none',
  label: 'Head only',
  paper: 'Alain & Bengio 2016, arXiv:1610.01644',
  formula: 'θ → θ',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-2 },
  attach({ architecture, id }) {
    if (architecture.kind !== 'encoder') {
      throw new RangeError(
        `it trains a task's head and nothing else, and ${id} is no encoder: it has no head`,
      );
    }
    return { trained: {}, merge: () => () => [] };
  },
});
