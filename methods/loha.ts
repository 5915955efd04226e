/**
 * LoHa, low-rank Hadamard product (Hyeon-Woo et al. 2022, known as FedPara), as Hugging Face peft defines it:
 * y = W x + (α / r) ((B₁ A₁) ⊙ (B₂ A₂)) x. Twice LoRA's parameters give a change of rank up to r², at the cost
 * of forming a matrix of W's size each step.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editLinears,
  layerList,
  linearBound,
  linearTargets,
  matMul,
  mergeAt,
  multiply,
  queryAndValue,
  tensorsAt,
  uniformTensor,
} from '../harness/method.ts';

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
  }),
  defaults: { learningRate: 5e-4 },
  attach(base, { rank, alpha, ...where }) {
    const sites = linearTargets(base, where);
    const scale = alpha / rank;
    return {
      trained: tensorsAt(sites, ({ inputs, outputs }) => ({
        hada_w1_a: uniformTensor([outputs, rank], linearBound(rank)),
        hada_w1_b: uniformTensor([rank, inputs], linearBound(inputs)),
        hada_w2_a: uniformTensor([outputs, rank], linearBound(rank)),
        hada_w2_b: constantTensor([rank, inputs], 0),
      })),
      edits: (x) =>
        editLinears(sites, x, (y, { input, own }) => {
          const first = matMul(own('hada_w1_a'), own('hada_w1_b'));
          const second = matMul(own('hada_w2_a'), own('hada_w2_b'));
          return y.add(matMul(input, first.mul(second).mul(scale), false, true));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site: { inputs, outputs } }) => ({
          change() {
            const first = multiply(own('hada_w1_a'), own('hada_w1_b'), outputs, inputs);
            const second = multiply(own('hada_w2_a'), own('hada_w2_b'), outputs, inputs);
            return first.map((value, i) => value * second[i]! * scale);
          },
        })),
    };
  },
});
