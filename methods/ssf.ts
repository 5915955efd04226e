import { z } from 'zod';
import { defineMethod, type Site, type Tensor, type Tensors, type TensorSpec } from '../harness/method.ts';

/** SSF: y → γ ⊙ y + β after every linear (before its activation) and every norm; not the identity at the start. */
export default defineMethod({
  name: 'ssf',
  label: 'SSF',
  paper: 'Lian et al. 2022, arXiv:2210.08823',
  formula: 'y → γ ⊙ y + β',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-3 },
  attach(base) {
    const scale = (site: Site): string => `${site.name}.ssf.scale`;
    const shift = (site: Site): string => `${site.name}.ssf.shift`;
    const vector = ({ outputs }: Site, mean: number): TensorSpec => ({
      shape: [outputs],
      init: (random) => random.normal(outputs, mean, 0.02),
    });
    const edit = (x: Tensors, y: Tensor, site: Site): Tensor => y.mul(x[scale(site)]!).add(x[shift(site)]!);
    // What only one of the heads reads is left as it is.
    const isEdited = ({ kind, role }: Site): boolean =>
      (kind === 'linear' && role !== 'pooler') || kind === 'norm';
    const sites = base.sites.filter(isEdited);
    return {
      trained: Object.fromEntries(
        sites.flatMap((site): [string, TensorSpec][] => [
          [scale(site), vector(site, 1)],
          [shift(site), vector(site, 0)],
        ]),
      ),
      edits: (x) => ({
        linear: (site) => (isEdited(site) ? { output: (y) => edit(x, y, site) } : undefined),
        norm: (y, site) => edit(x, y, site),
      }),
      merge: (x) => (site) => (isEdited(site) ? [{ scale: x[scale(site)]!, shift: x[shift(site)]! }] : []),
    };
  },
});
