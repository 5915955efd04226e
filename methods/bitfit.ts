import { z } from 'zod';
import { defineMethod, type Site, type TensorSpec } from '../harness/method.ts';

/** BitFit: the base's bias terms; where a linear or a norm has none (T5, Llama), one is added to its output. */
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
    const lacks = (site: Site): boolean => (site.kind === 'linear' || site.kind === 'norm') && !site.bias;
    const b = (site: Site): string => `${site.name}.added.bias`;
    const spec = ({ inputs, outputs }: Site): TensorSpec => ({
      shape: [outputs],
      init: (random) =>
        added === 'zero'
          ? new Float32Array(outputs)
          : random.uniform(outputs, -1 / Math.sqrt(inputs), 1 / Math.sqrt(inputs)),
    });
    return {
      trained: Object.fromEntries(base.sites.filter(lacks).map((site) => [b(site), spec(site)])),
      unfreezes: (tensor) => tensor.endsWith('.bias'),
      edits: (x) => ({
        linear: (site) => (lacks(site) ? { output: (y) => y.add(x[b(site)]!) } : undefined),
        norm: (y, site) => (lacks(site) ? y.add(x[b(site)]!) : y),
      }),
      merge: (x) => (site) => (lacks(site) ? [{ shift: x[b(site)]! }] : []),
    };
  },
});
