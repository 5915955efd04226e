/**
 * LoHa, low-rank Hadamard product (Hyeon-Woo et al. 2022, known as FedPara), as Hugging Face peft defines it:
 * y = W x + (α / r) ((B₁ A₁) ⊙ (B₂ A₂)) x. Twice LoRA's parameters give a change of rank up to r², at the cost
 * of forming a matrix of W's size each step.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  type Delta,
  editLinears,
  layerList,
  linearBound,
  linearTargets,
  matMul,
  mergeAt,
  multiply,
  queryAndValue,
  type Site,
  tensorsAt,
  trainWhole,
  uniformTensor,
  wholeModules,
} from '../harness/method.ts';
import { sizeExceptions, sizesOf } from './shared/low-rank.ts';

export default defineMethod({
  name: 'loha',
  label: 'LoHa',
  paper: 'Hyeon-Woo et al. 2022, arXiv:2108.06098',
  formula: 'y = W x + (α / r) ((B_1 A_1) ⊙ (B_2 A_2)) x',
  options: z.strictObject({
    rank: z.int().positive().default(8).describe('r, rows of each A and columns of each B'),
    alpha: z.number().positive().default(8).describe('numerator of the scale alpha / r'),
    targets: queryAndValue,
    layers: layerList,
    ...sizeExceptions,
    whole: wholeModules,
  }),
  defaults: { learningRate: 5e-4 },
  attach(base, options) {
    const sites = linearTargets(base, options);
    const { rankOf, alphaOf } = sizesOf(sites, options);
    const scaleOf = (site: Site): number => alphaOf(site) / rankOf(site);
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => {
        const { inputs, outputs } = site;
        const rank = rankOf(site);
        return {
          hada_w1_a: uniformTensor([outputs, rank], linearBound(rank)),
          hada_w1_b: uniformTensor([rank, inputs], linearBound(inputs)),
          hada_w2_a: uniformTensor([outputs, rank], linearBound(rank)),
          hada_w2_b: constantTensor([rank, inputs], 0),
        };
      }),
      edits: (x) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const first = matMul(own('hada_w1_a'), own('hada_w1_b'));
          const second = matMul(own('hada_w2_a'), own('hada_w2_b'));
          return y.add(matMul(input, first.mul(second).mul(scaleOf(site)), false, true));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          change() {
            const { inputs, outputs } = site;
            const scale = scaleOf(site);
            const first = multiply(own('hada_w1_a'), own('hada_w1_b'), outputs, inputs);
            const second = multiply(own('hada_w2_a'), own('hada_w2_b'), outputs, inputs);
            return first.map((value, i) => value * second[i]! * scale);
          },
        })),
    };
    return trainWhole(delta, base, options.whole, sites);
  },
});
