/**
 * Masking (Zhao et al. 2020): the base's weights stay as they are, and a binary mask that is trained chooses
 * which of them count: W → W ⊙ [m > τ]. The gradient goes straight through the threshold. A mask is one bit a
 * weight, so that a task is stored in a thirty-second of the base; training it takes as much memory as FT.
 */
import { z } from 'zod';
import {
  defineMethod,
  layerList,
  linearTargets,
  type Site,
  stepStraightThrough,
  targetList,
  tensorsAt,
  type TensorSpec,
  uniformTensor,
  weightName,
} from '../harness/method.ts';

const everyLinear = [
  'query',
  'key',
  'value',
  'queryKeyValue',
  'attentionOutput',
  'mlpUp',
  'mlpGate',
  'mlpGateUp',
  'mlpOutput',
];

export default defineMethod({
  name: 'masking',
  label: 'Masking',
  paper: 'Zhao et al. 2020, arXiv:2004.12406',
  formula: 'W → W ⊙ [m > τ], m alone trained, ∂[m > τ]/∂m = 1',
  options: z.strictObject({
    sparsity: z.number().gt(0).lt(1).default(0.05).describe('share of the weights that are 0 at the start'),
    threshold: z.number().default(0.01).describe('τ'),
    spread: z.number().positive().default(0.02).describe('m starts uniform from minus this'),
    targets: targetList
      .default(everyLinear)
      .describe('linear modules by role or by the end of their names; the paper masks all of a block'),
    layers: layerList,
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { sparsity, threshold, spread, ...where }) {
    const sites = linearTargets(base, where);
    const names = new Map(sites.map((site) => [weightName(site), maskName(site)]));
    // Of numbers uniform from −spread to this end, the share `sparsity` is at most the threshold.
    const end = (spread + threshold) / sparsity - spread;
    const mask = (site: Site): TensorSpec => uniformTensor(base.shapes[weightName(site)]!, end, -spread);
    return {
      trained: tensorsAt(sites, (site) => ({ mask: mask(site) })),
      edited: new Set(names.keys()),
      edits: (x) => ({
        tensor(name, W) {
          const mask = x[names.get(name) ?? ''];
          return mask && W.mul(stepStraightThrough(mask, threshold));
        },
      }),
      merge: () => () => [],
      mergeTensor: (x) => (name, W) => {
        const mask = x[names.get(name) ?? ''];
        return mask ? W.map((w, i) => (mask[i]! > Math.fround(threshold) ? w : 0)) : W;
      },
    };
  },
});

const maskName = ({ name }: Site): string => `${name}.mask`;
