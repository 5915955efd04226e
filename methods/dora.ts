/**
 * DoRA, weight-decomposed low-rank adaptation (Liu et al. 2024), as Hugging Face peft defines it: V = W + (α
 * / r) B A, y = m ⊙ V x / ‖V‖ + bias with one norm for each output, through which no gradient flows. m starts
 * at the norms of W, so that training starts at the base model. Take it where LoRA of a small rank falls
 * short; a step costs more, since the norms of V are computed anew, and it merges as LoRA does.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editLinears,
  linearBound,
  matMul,
  mergeAt,
  stopGradient,
  type Tensor,
  tensorsAt,
  uniformTensor,
} from '../harness/method.ts';
import { lowRank, placeOptions, sizeOptions } from './shared/low-rank.ts';

export default defineMethod({
  name: 'dora',
  label: 'DoRA',
  paper: 'Liu et al. 2024, arXiv:2402.09353',
  formula: 'y = m ⊙ (W + (α / r) B A) x / ‖W + (α / r) B A‖',
  options: z.strictObject({
    ...sizeOptions,
    rankStabilized: z.boolean().optional().describe('scale alpha / √r (rsLoRA)'),
    ...placeOptions,
  }),
  defaults: { learningRate: 2e-4 },
  attach(base, options) {
    const { transposed } = base.architecture;
    const { sites, rankOf, scaleOf } = lowRank(base, options);
    const magnitude = 'lora_magnitude_vector.weight';
    return {
      trained: tensorsAt(sites, (site) => ({
        'lora_A.weight': uniformTensor([rankOf(site), site.inputs], linearBound(site.inputs)),
        'lora_B.weight': constantTensor([site.outputs, rankOf(site)], 0),
        [magnitude]: {
          shape: [site.outputs],
          init: async (_, model) =>
            outputNorms(await model.tensor(`${site.name}.weight`), site.outputs, transposed),
        },
      })),
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, module, own, site }) => {
          const { b } = module;
          const [A, B, scale] = [own('lora_A.weight'), own('lora_B.weight'), scaleOf(site)];
          const share = own(magnitude).div(stoppedNorms(module.W, A, B, scale, transposed));
          const dropped = context.dropout(input, options.dropout, `${site.name}.lora_dropout`);
          const low = matMul(matMul(dropped, A, false, true), B, false, true).mul(scale);
          // Without dropout y holds W x; with it peft multiplies W by the dropped input where m acts.
          if (dropped !== input) {
            const plain = module.product(dropped);
            return y.add(plain.add(low).mul(share)).sub(plain);
          }
          const scaled = (b ? y.sub(b) : y).add(low).mul(share);
          return b ? scaled.add(b) : scaled;
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low: () => ({
            up: own('lora_B.weight').map((b) => b * scaleOf(site)),
            down: own('lora_A.weight'),
          }),
          scale(V) {
            const norms = outputNorms(V, site.outputs, transposed);
            return own(magnitude).map((m, output) => m / norms[output]!);
          },
          aroundBias: true,
        })),
    };
  },
});

/**
 * ‖W + scale · B A‖ of each output, [outputs]; the gradient is stopped at the operands, so that none is
 * computed.
 */
function stoppedNorms(W: Tensor, a: Tensor, b: Tensor, scale: number, transposed: boolean): Tensor {
  const [A, B] = [stopGradient(a), stopGradient(b)];
  const change = transposed ? matMul(B, A) : matMul(A, B, true, true);
  const V = stopGradient(W).add(change.mul(scale));
  return V.square()
    .sum(transposed ? 1 : 0)
    .sqrt();
}

/** The norm of each output's weights, on the host. */
function outputNorms(W: Float32Array, outputs: number, transposed: boolean): Float32Array {
  const inputs = W.length / outputs;
  return Float32Array.from({ length: outputs }, (_, output) => {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += W[transposed ? output * inputs + i : i * outputs + output]! ** 2;
    return Math.sqrt(sum);
  });
}
