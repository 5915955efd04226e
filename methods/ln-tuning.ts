/**
 * LN tuning (Zhao et al. 2023): trains the weights and biases of the base's norms, or of some, and nothing else, as
 * Hugging Face peft does. As few parameters as RED; the norms take what was learned, so that inference stays as it is.
 */
import { z } from 'zod';
import {
  type BaseModel,
  defineMethod,
  type Delta,
  isNamed,
  layerList,
  sitesInLayers,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'ln-tuning',
  label: 'LN tuning',
  paper: 'Zhao et al. 2023, arXiv:2312.11420',
  formula: 'y = γ ⊙ (x − μ) / σ + β, γ and β alone trained',
  options: z.strictObject({
    targets: z
      .array(z.string())
      .optional()
      .describe('norms by role (attentionNorm) or by the end of their names; all where absent'),
    layers: layerList,
    whole: wholeModules,
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { targets, layers, whole }) {
    if (targets) requireNorms(base, targets);
    const norms = sitesInLayers(
      base,
      layers,
      (site) => site.kind === 'norm' && (targets?.some((name) => isNamed(site, name)) ?? true),
    );
    const names = new Set(norms.map(({ name }) => name));
    const delta: Delta = {
      trained: {},
      unfreezes: (_, owner) => owner !== undefined && names.has(owner.name),
      merge: () => () => [],
    };
    return trainWhole(delta, base, whole, norms);
  },
});

/** Throws RangeError where an entry names no norm. */
function requireNorms({ id, sites }: BaseModel, targets: readonly string[]): void {
  const norms = sites.filter(({ kind }) => kind === 'norm');
  const unknown = targets.find((name) => !norms.some((site) => isNamed(site, name)));
  if (unknown === undefined) return;
  const roles = [...new Set(norms.map(({ role }) => role))].join(', ');
  throw new RangeError(`${id} has no norm "${unknown}"; their roles: ${roles}`);
}
