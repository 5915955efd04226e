/**
 * DoRA, weight-decomposed low-rank adaptation (Liu et al. 2024), as Hugging Face peft defines it: V = W + (α
 * / r) B A, y = m ⊙ V x / ‖V‖ + bias with one norm for each output, through which no gradient flows. m starts
 * at the norms of W, so that training starts at the base model. Take it where LoRA of a small rank falls
 * short; a step costs more, since the norms of V are computed anew, and it merges as LoRA does.
 */
import { z } from 'zod';
import {
  defineMethod,
  type Delta,
  editEmbeddings,
  editLinears,
  isTransposed,
  matMul,
  mergeAt,
  stopGradient,
  type Tensor,
  tensorsAt,
  weightName,
} from '../harness/method.ts';
import {
  embeddedLow,
  endsOf,
  lowProduct,
  lowRank,
  placeOptions,
  sizeOptions,
  trainOfBase,
} from './shared/low-rank.ts';

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
    const { architecture } = base;
    const { sites, linear, embeddings, tensorsOf, scaleOf, lowOf, unfreezes } = lowRank(base, options);
    const magnitude = 'lora_magnitude_vector.weight';
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => ({
        ...tensorsOf(site),
        [magnitude]: {
          shape: [site.outputs],
          init: async (_, model) =>
            outputNorms(await model.tensor(weightName(site)), site.outputs, isTransposed(architecture, site)),
        },
      })),
      ...unfreezes,
      edits: (x, context) => ({
        ...editLinears(linear, x, (y, { input, module, own, site }) => {
          const { b } = module;
          const [A, B, scale] = [own('lora_A.weight'), own('lora_B.weight'), scaleOf(site)];
          const transposed = isTransposed(architecture, site);
          const share = own(magnitude).div(stoppedNorms(module.W, A, B, scale, transposed));
          const dropped = context.dropout(input, options.dropout, `${site.name}.lora_dropout`);
          const low = lowProduct(dropped, A, B).mul(scale);
          // Without dropout y holds W x; with it peft multiplies W by the dropped input where m acts.
          if (dropped !== input) {
            const plain = module.product(dropped);
            return y.add(plain.add(low).mul(share)).sub(plain);
          }
          const scaled = (b ? y.sub(b) : y).add(low).mul(share);
          return b ? scaled.add(b) : scaled;
        }),
        ...(embeddings.length > 0 &&
          editEmbeddings(embeddings, x, (rows, { ids, table, own, site }) => {
            const { A, B } = endsOf(site);
            const norms = stoppedNorms(table, own(A), own(B), scaleOf(site), false);
            return rows.add(embeddedLow(own, ids).mul(scaleOf(site))).mul(own(magnitude).div(norms));
          })),
      }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low: lowOf(site, own),
          scale(V) {
            const norms = outputNorms(V, site.outputs, isTransposed(architecture, site));
            return own(magnitude).map((m, output) => m / norms[output]!);
          },
          aroundBias: true,
        })),
    };
    return trainOfBase(delta, base, options, sites);
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
