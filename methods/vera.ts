/**
 * VeRA, vector-based random matrix adaptation (Kopiczko et al. 2024), as Hugging Face peft defines it: y = W
 * x + λ_b ⊙ B (λ_d ⊙ A dropout(x)). A and B are random, frozen and shared by all modules, each of which takes
 * the columns of A and the rows of B that fit it; only the vectors λ are trained. Take it where LoRA's
 * parameters are too many to store; it merges as LoRA does.
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
  slice,
  tensorsAt,
  type TensorSpec,
  trainWhole,
  wholeModules,
} from '../harness/method.ts';

export default defineMethod({
  name: 'vera',
  label: 'VeRA',
  paper: 'Kopiczko et al. 2024, arXiv:2310.11454',
  formula: 'y = W x + Λ_b B Λ_d A x, A and B frozen and shared',
  options: z.strictObject({
    rank: z.int().positive().default(256).describe('r, rows of A and columns of B'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
    initialScale: z.number().default(0.1).describe('start of λd; λb starts at 0'),
    projectionKey: z
      .int()
      .default(0)
      .describe('seed of the frozen A and B, separate from the seed of the run'),
    targets: queryAndValue,
    layers: layerList,
    whole: wholeModules,
  }),
  defaults: { learningRate: 4e-3 },
  attach(base, { rank, dropout, initialScale, projectionKey, whole, ...where }) {
    const sites = linearTargets(base, where);
    const inputs = Math.max(...sites.map((site) => site.inputs));
    const outputs = Math.max(...sites.map((site) => site.outputs));
    // Kaiming uniform with gain √2 over the second axis, as torch takes it.
    const projection = (name: string, rows: number, columns: number): TensorSpec => {
      const bound = Math.sqrt(6 / columns);
      const stream = randomStream(projectionKey, name);
      return { shape: [rows, columns], init: () => stream.uniform(rows * columns, -bound, bound) };
    };
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => ({
        vera_lambda_b: constantTensor([site.outputs], 0),
        vera_lambda_d: constantTensor([rank], initialScale),
      })),
      frozen: {
        vera_A: projection('vera_A', rank, inputs),
        vera_B: projection('vera_B', outputs, rank),
      },
      edits: (x, context) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const A = slice(x.vera_A!, [0, 0], [rank, site.inputs]);
          const B = slice(x.vera_B!, [0, 0], [site.outputs, rank]);
          const dropped = context.dropout(input, dropout, `${site.name}.vera_dropout`);
          const low = matMul(dropped, A, false, true).mul(own('vera_lambda_d'));
          return y.add(matMul(low, B, false, true).mul(own('vera_lambda_b')));
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          low() {
            const [lambdaB, lambdaD, A] = [own('vera_lambda_b'), own('vera_lambda_d'), x.vera_A!];
            const B = x.vera_B!.subarray(0, site.outputs * rank);
            const down = Float32Array.from({ length: rank * site.inputs }, (_, i) => {
              const [row, column] = [Math.floor(i / site.inputs), i % site.inputs];
              return lambdaD[row]! * A[row * inputs + column]!;
            });
            return { up: B.map((b, i) => b * lambdaB[Math.floor(i / rank)]!), down };
          },
        })),
    };
    return trainWhole(delta, base, whole, sites);
  },
});
