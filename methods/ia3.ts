import { z } from 'zod';
import {
  defineMethod,
  isNamed,
  layerList,
  linearTargets,
  type Site,
  targetList,
  type Tensor,
} from '../harness/method.ts';

/** IA3 as Hugging Face peft defines it: a vector scales keys and values (the fused c_attn whole) and the input of the MLP's output. */
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
  }),
  defaults: { learningRate: 3e-3 },
  attach(base, { targets, feedForward, layers }) {
    // peft finds `output.dense` by its ending, which is attention's output as well.
    const both = base.family === 'roberta' || base.family === 'bert';
    const inputs = feedForward ?? (both ? ['mlpOutput', 'attentionOutput'] : ['mlpOutput']);
    const sites = linearTargets(base, { targets: [...targets, ...inputs], layers });
    const scaled = new Set(sites.map(({ name }) => name));
    const scalesInput = (site: Site): boolean => inputs.some((target) => isNamed(site, target));
    const l = (site: Site): string => `${site.name}.ia3_l`;
    return {
      trained: Object.fromEntries(
        sites.map((site) => {
          const length = scalesInput(site) ? site.inputs : site.outputs;
          return [l(site), { shape: [length], init: () => new Float32Array(length).fill(1) }];
        }),
      ),
      edits: (x) => ({
        linear(site) {
          if (!scaled.has(site.name)) return undefined;
          const scale = (y: Tensor): Tensor => y.mul(x[l(site)]!);
          return scalesInput(site) ? { input: scale } : { output: scale };
        },
      }),
      merge: (x) => (site) =>
        scaled.has(site.name) ? [scalesInput(site) ? { input: x[l(site)]! } : { scale: x[l(site)]! }] : [],
    };
  },
});
