/**
 * (IA)³ (Liu et al. 2022) as Hugging Face peft defines it: learnt vectors scale keys and values (GPT-2's
 * fused c_attn whole) and the input of the MLP's output. Very few parameters, made for few examples; it
 * merges into the base.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  type Delta,
  ia3Inputs,
  isNamed,
  layerList,
  linearTargets,
  mergeAt,
  type Site,
  targetList,
  type Tensor,
  tensorsAt,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'ia3',
  label: '(IA)³',
  paper: 'Liu et al. 2022, arXiv:2205.05638',
  formula: 'k → l_k ⊙ k, v → l_v ⊙ v, W_2 (l_ff ⊙ x)',
  options: z.strictObject({
    targets: targetList
      .default(['key', 'value', 'queryKeyValue'])
      .describe('linear modules whose output is scaled, by role or by the end of their names'),
    feedForward: targetList
      .optional()
      .describe(
        'those whose input is scaled; mlpOutput where absent, with attentionOutput on RoBERTa and BERT, as in peft',
      ),
    layers: layerList,
    whole: wholeModules,
  }),
  defaults: { learningRate: 3e-3 },
  attach(base, { targets, feedForward, layers, whole }) {
    const inputs = feedForward ?? ia3Inputs(base);
    const sites = linearTargets(base, { targets: [...targets, ...inputs], layers });
    const names = new Set(sites.map(({ name }) => name));
    const scalesInput = (site: Site): boolean => inputs.some((target) => isNamed(site, target));
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => ({
        ia3_l: constantTensor([scalesInput(site) ? site.inputs : site.outputs], 1),
      })),
      edits: (x) => ({
        linear(site) {
          if (!names.has(site.name)) return undefined;
          const scale = (y: Tensor): Tensor => y.mul(x[`${site.name}.ia3_l`]!);
          return scalesInput(site) ? { input: scale } : { output: scale };
        },
      }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) =>
          scalesInput(site) ? { input: own('ia3_l') } : { scale: own('ia3_l') },
        ),
    };
    return trainWhole(delta, base, whole, sites);
  },
});
