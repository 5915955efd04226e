/**
 * RandLoRA (Albert et al. 2025) as Hugging Face peft defines it: y = W x + (α / r) Σ_j B_j Λ_j A Γ_j x, a sum of
 * products of random frozen matrices, of which enough are taken that their sum has full rank; only the diagonal
 * Λ and Γ are trained. A and the B are shared by all modules, each of which takes the part that fits it.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  type Delta,
  editLinears,
  layerList,
  linearTargets,
  matMul,
  mergeAt,
  queryAndValue,
  randomStream,
  roundToBfloats,
  type Shape,
  type Site,
  sizeOf,
  slice,
  tensorsAt,
  type TensorSpec,
  trainWhole,
  transpose,
  transposeOnHost,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'randlora',
  label: 'RandLoRA',
  paper: 'Albert et al. 2025, arXiv:2502.00987',
  formula: 'y = W x + (α / r) Σ_j B_j Λ_j A Γ_j x, A and B_j frozen and shared',
  options: z.strictObject({
    rank: z.int().positive().default(32).describe('r of each product; the smaller, the more are trained'),
    alpha: z.number().positive().default(640).describe('numerator of the scale alpha / r'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input while training'),
    projectionKey: z
      .int()
      .default(0)
      .describe('seed of the frozen matrices, separate from the seed of the run'),
    targets: queryAndValue,
    layers: layerList,
    whole: wholeModules,
  }),
  defaults: { learningRate: 1e-3 },
  attach(base, { rank, alpha, dropout, projectionKey, whole, ...where }) {
    const sites = linearTargets(base, where);
    const scale = alpha / rank;
    // peft takes the largest number of outputs and of inputs, and sorts these two.
    const sides = (['outputs', 'inputs'] as const).map((side) =>
      Math.max(...sites.map((site) => site[side])),
    );
    const [short, long] = [Math.min(...sides), Math.max(...sides)];
    const shapes = { A: [rank, 1, short], B: [long, Math.ceil(short / rank), rank] };
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => {
        const { small, bases } = sizesOf(site, rank);
        return {
          randlora_lambda: constantTensor([rank, bases], 0),
          randlora_gamma: constantTensor([bases, small], 1 / Math.max(bases, small)),
        };
      }),
      frozen: {
        randlora_A: frozen('randlora_A', shapes.A, projectionKey),
        randlora_B: frozen('randlora_B', shapes.B, projectionKey),
      },
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const { small, large, bases } = sizesOf(site, rank);
          const A = slice(x.randlora_A!, [0, 0, 0], [rank, 1, small]);
          const lambda = own('randlora_lambda').reshape([rank, bases, 1]);
          const down = lambda
            .mul(A)
            .mul(own('randlora_gamma'))
            .reshape([rank * bases, small]);
          const up = slice(x.randlora_B!, [0, 0, 0], [large, bases, rank]).reshape([large, bases * rank]);
          const dropped = context.dropout(input, dropout, `${site.name}.randlora_dropout`);
          const [first, second] = small === site.inputs ? [down, up] : [transpose(up), transpose(down)];
          return y.add(matMul(matMul(dropped, first, false, true), second, false, true).mul(scale));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low() {
            const sizes = sizesOf(site, rank);
            const down = scaledA(x.randlora_A!, own, sizes, rank).map((value) => value * scale);
            const up = partOfB(x.randlora_B!, sizes, rank, shapes.B);
            const { small, large, bases } = sizes;
            if (small === site.inputs) return { up, down };
            const middle = rank * bases;
            return { up: transposeOnHost(down, middle, small), down: transposeOnHost(up, large, middle) };
          },
        })),
    };
    return trainWhole(delta, base, whole, sites);
  },
});

/** The smaller and the larger side of a module, and how many products of rank r reach full rank. */
interface Sizes {
  readonly small: number;
  readonly large: number;
  readonly bases: number;
}

function sizesOf({ inputs, outputs }: Site, rank: number): Sizes {
  const [small, large] = [Math.min(inputs, outputs), Math.max(inputs, outputs)];
  return { small, large, bases: Math.ceil(small / rank) };
}

/** Uniform numbers divided by their standard deviation, in bfloat16, in which peft draws them. */
function frozen(name: string, shape: Shape, key: number): TensorSpec {
  return {
    shape,
    init() {
      const values = randomStream(key, name).uniform(sizeOf(shape), -1, 1);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      const deviation = Math.sqrt(squares / Math.max(1, values.length - 1));
      return roundToBfloats(values.map((value) => value / deviation));
    },
  };
}

/** Λ_j A Γ_j, one below the other by rank and then by j, [r · bases, small]. */
function scaledA(
  A: Float32Array,
  own: (end: string) => Float32Array,
  { small, bases }: Sizes,
  rank: number,
): Float32Array {
  const [lambda, gamma] = [own('randlora_lambda'), own('randlora_gamma')];
  const width = A.length / rank;
  return Float32Array.from({ length: rank * bases * small }, (_, i) => {
    const [row, column] = [Math.floor(i / small), i % small];
    const [k, j] = [Math.floor(row / bases), row % bases];
    return lambda[row]! * A[k * width + column]! * gamma[j * small + column]!;
  });
}

/** The part of B [·, ·, r] that a module takes, [large, bases · r]. */
function partOfB(B: Float32Array, { large, bases }: Sizes, rank: number, [, all]: Shape): Float32Array {
  const width = bases * rank;
  return Float32Array.from(
    { length: large * width },
    (_, i) => B[Math.floor(i / width) * all! * rank + (i % width)]!,
  );
}
