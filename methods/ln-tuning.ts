/**
 * LN tuning (Zhao et al. 2023): trains the weights and biases of the base's norms and nothing else, as Hugging
 * Face peft does. As few parameters as RED; the norms take what was learned, so that inference stays as it is.
 */
import { z } from 'zod';
import { defineMethod } from '../harness/method.ts';

export default defineMethod({
  name: 'ln-tuning',
  label: 'LN tuning',
  paper: 'Zhao et al. 2023, arXiv:2312.11420',
  formula: 'y = γ ⊙ (x − μ) / σ + β, γ and β alone trained',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-3 },
  attach: () => ({
    trained: {},
    unfreezes: (_, owner) => owner?.kind === 'norm',
    merge: () => () => [],
  }),
});
