/**
 * SSF, scaling and shifting features (Lian et al. 2022): y → γ ⊙ y + β after every linear (before its
 * activation) and every norm. Like RED it merges into the base, but it acts after every module, so that it
 * trains some ten times as much. It starts at random, N(1, 0.02²) and N(0, 0.02²), and so not at the base
 * model.
 */
import { z } from 'zod';
import { defineMethod, editOutputs, mergeAt, normalTensor, tensorsAt } from '../harness/method.ts';

export default defineMethod({
  name: 'ssf',
  label: 'SSF',
  paper: 'Lian et al. 2022, arXiv:2210.08823',
  formula: 'y → γ ⊙ y + β',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-3 },
  attach(base) {
    // The pooler is left as it is: only one of the heads reads it.
    const sites = base.sites.filter(
      ({ kind, role }) => (kind === 'linear' && role !== 'pooler') || kind === 'norm',
    );
    return {
      trained: tensorsAt(sites, ({ outputs }) => ({
        'ssf.scale': normalTensor([outputs], 0.02, 1),
        'ssf.shift': normalTensor([outputs], 0.02, 0),
      })),
      edits: (x) => editOutputs(sites, x, (y, { own }) => y.mul(own('ssf.scale')).add(own('ssf.shift'))),
      merge: (x) => mergeAt(sites, x, ({ own }) => ({ scale: own('ssf.scale'), shift: own('ssf.shift') })),
    };
  },
});
