import { z } from 'zod';
import {
  defineMethod,
  type LinearModule,
  matMul,
  type Site,
  stopGradient,
  type Tensor,
  type TensorSpec,
} from '../harness/method.ts';
import { lowRank, placeOptions, sizeOptions } from './shared/low-rank.ts';

/**
 * DoRA as Hugging Face peft defines it: V = W + alpha / r · B A, y = m ⊙ V x / ‖V‖ + bias with a norm for each output,
 * which is a constant for the gradient. m starts at the norms of W, so that training starts at the base model.
 */
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
    const { dropout } = options;
    const { transposed } = base.architecture;
    const { sites, adapts, rankOf, scaleOf } = lowRank(base, options);
    const A = (site: Site): string => `${site.name}.lora_A.weight`;
    const B = (site: Site): string => `${site.name}.lora_B.weight`;
    const m = (site: Site): string => `${site.name}.lora_magnitude_vector.weight`;
    const specs = (site: Site): [string, TensorSpec][] => {
      const { name, inputs, outputs } = site;
      const [rank, bound] = [rankOf(site), 1 / Math.sqrt(inputs)];
      return [
        [A(site), { shape: [rank, inputs], init: (random) => random.uniform(rank * inputs, -bound, bound) }],
        [B(site), { shape: [outputs, rank], init: () => new Float32Array(outputs * rank) }],
        [
          m(site),
          {
            shape: [outputs],
            init: async (_, model) => outputNorms(await model.tensor(`${name}.weight`), outputs, transposed),
          },
        ],
      ];
    };
    return {
      trained: Object.fromEntries(sites.flatMap(specs)),
      edits: (x, context) => ({
        linear(site, { W, b }: LinearModule) {
          if (!adapts(site)) return undefined;
          const scale = scaleOf(site);
          const [a, up] = [x[A(site)]!, x[B(site)]!];
          return {
            output(y, input) {
              const norms = stoppedNorms(W, a, up, scale, transposed);
              const share = x[m(site)]!.div(norms);
              const dropped = context.dropout(input, dropout, `${site.name}.lora_dropout`);
              const low = matMul(matMul(dropped, a, false, true), up, false, true).mul(scale);
              // Without dropout W x is at hand; with it peft takes W of the dropped input for what m changes.
              if (dropped !== input) {
                const plain = matMul(dropped, W, false, transposed);
                return y.add(plain.add(low).mul(share)).sub(plain);
              }
              const moved = (b ? y.sub(b) : y).add(low).mul(share);
              return b ? moved.add(b) : moved;
            },
          };
        },
      }),
      merge: (x) => (site) =>
        adapts(site)
          ? [
              {
                low: () => {
                  const scale = scaleOf(site);
                  return { up: x[B(site)]!.map((value) => value * scale), down: x[A(site)]! };
                },
                scale(V) {
                  const norms = outputNorms(V, site.outputs, transposed);
                  return x[m(site)]!.map((magnitude, o) => magnitude / norms[o]!);
                },
                aroundBias: true,
              },
            ]
          : [],
    };
  },
});

/** ‖W + scale · B A‖ of each output, through which no gradient flows; stopped at its operands, so none is computed. */
function stoppedNorms(W: Tensor, a: Tensor, b: Tensor, scale: number, transposed: boolean): Tensor {
  const [A, B] = [stopGradient(a), stopGradient(b)];
  const change = transposed ? matMul(B, A) : matMul(A, B, true, true);
  return stopGradient(W).add(change.mul(scale)).square().sum(transposed ? 1 : 0).sqrt(); // prettier-ignore
}

/** The norm of the weights of each output, on the host. */
function outputNorms(W: Float32Array, outputs: number, transposed: boolean): Float32Array {
  const inputs = W.length / outputs;
  return Float32Array.from({ length: outputs }, (_, o) => {
    let sum = 0;
    for (let i = 0; i < inputs; i++) sum += W[transposed ? o * inputs + i : i * outputs + o]! ** 2;
    return Math.sqrt(sum);
  });
}
