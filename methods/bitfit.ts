/**
 * BitFit (Ben Zaken et al. 2021): trains the base's bias terms and nothing else. Where a linear module or a
 * norm has no bias (T5, Llama), one is added to its output. The simplest method that changes every layer; it
 * suits small data.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editOutputs,
  linearBound,
  mergeAt,
  tensorsAt,
  uniformTensor,
} from '../harness/method.ts';

export default defineMethod({
  name: 'bitfit',
  label: 'BitFit',
  paper: 'Ben Zaken et al. 2021, arXiv:2106.10199',
  formula: 'y = W x + b, b alone trained',
  options: z.strictObject({
    added: z
      .enum(['zero', 'uniform'])
      .default('zero')
      .describe('start of biases that the base lacks: 0, or U(±1/√inputs) as OpenDelta has it'),
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { added }) {
    const lacking = base.sites.filter(({ kind, bias }) => (kind === 'linear' || kind === 'norm') && !bias);
    return {
      trained: tensorsAt(lacking, ({ inputs, outputs }) => ({
        'added.bias':
          added === 'zero' ? constantTensor([outputs], 0) : uniformTensor([outputs], linearBound(inputs)),
      })),
      unfreezes: (tensor) => tensor.endsWith('.bias'),
      edits: (x) => editOutputs(lacking, x, (y, { own }) => y.add(own('added.bias'))),
      merge: (x) => mergeAt(lacking, x, ({ own }) => ({ shift: own('added.bias') })),
    };
  },
});
