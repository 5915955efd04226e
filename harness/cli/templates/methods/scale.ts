/** A method of this folder's own; deltabench finds it here beside its own methods. */
import { z } from 'zod';
import { defineMethod, type Site } from 'deltabench/method';

/**
 * An example of a method: scales what every feed-forward sublayer adds to the residual stream. The file has
 * the method's name; copy it, rename both and change `attach`.
 */
export default defineMethod({
  name: 'scale',
  label: 'Scale',
  paper: 'an example',
  formula: 'h → s ⊙ h',
  options: z.strictObject({ start: z.number().default(1).describe('initial value of s') }),
  defaults: { learningRate: 1e-2 },
  attach(base, { start }) {
    const acts = (site: Site): boolean => site.role === 'mlpOutput';
    const s = (site: Site): string => `${site.name}.scale`;
    const vector = ({ outputs }: Site) => ({
      shape: [outputs],
      init: () => new Float32Array(outputs).fill(start),
    });
    return {
      trained: Object.fromEntries(base.sites.filter(acts).map((site) => [s(site), vector(site)])),
      edits: (x) => ({
        linear: (site) => (acts(site) ? { output: (y) => y.mul(x[s(site)]!) } : undefined),
      }),
      merge: (x) => (site) => (acts(site) ? [{ scale: x[s(site)]! }] : []),
    };
  },
});
