import { z } from 'zod';
import {
  defineMethod,
  layerList,
  linearTargets,
  matMul,
  queryAndValue,
  randomStream,
  type Site,
  slice,
  type TensorSpec,
} from '../harness/method.ts';

/**
 * VeRA as Hugging Face peft defines it: y = W x + λb ⊙ B (λd ⊙ A dropout(x)). A and B are frozen, drawn from a key of
 * their own and shared by all modules, each of which takes the columns of A and rows of B that fit it.
 */
export default defineMethod({
  name: 'vera',
  label: 'VeRA',
  paper: 'Kopiczko et al. 2024, arXiv:2310.11454',
  formula: 'y = W x + Λ_b B Λ_d A x, A and B frozen and shared',
  options: z.strictObject({
    rank: z.int().positive().default(256).describe('r, rows of A and columns of B'),
    dropout: z.number().min(0).lt(1).default(0).describe('on the input of A while training'),
    initialScale: z.number().default(0.1).describe('start of λd; λb starts at 0'),
    projectionKey: z.int().default(0).describe('seed of the frozen A and B, apart from the seed of the run'),
    targets: queryAndValue,
    layers: layerList,
  }),
  defaults: { learningRate: 4e-3 },
  attach(base, { rank, dropout, initialScale, projectionKey, ...where }) {
    const sites = linearTargets(base, where);
    const adapted = new Set(sites.map((s) => s.name));
    const inputs = Math.max(...sites.map((s) => s.inputs));
    const outputs = Math.max(...sites.map((s) => s.outputs));
    const b = (site: Site): string => `${site.name}.vera_lambda_b`;
    const d = (site: Site): string => `${site.name}.vera_lambda_d`;
    // Kaiming uniform with gain √2 over the second axis, as torch takes it.
    const projection = (name: string, rows: number, columns: number): [string, TensorSpec] => {
      const bound = Math.sqrt(6 / columns);
      const stream = randomStream(projectionKey, name);
      return [name, { shape: [rows, columns], init: () => stream.uniform(rows * columns, -bound, bound) }];
    };
    const vector = (length: number, start: number): TensorSpec => ({
      shape: [length],
      init: () => new Float32Array(length).fill(start),
    });
    return {
      trained: Object.fromEntries(
        sites.flatMap((site) => [
          [b(site), vector(site.outputs, 0)],
          [d(site), vector(rank, initialScale)],
        ]),
      ),
      frozen: Object.fromEntries([projection('vera_A', rank, inputs), projection('vera_B', outputs, rank)]),
      edits: (x, context) => ({
        linear: (site) =>
          adapted.has(site.name)
            ? {
                output(y, input) {
                  const A = slice(x.vera_A!, [0, 0], [rank, site.inputs]);
                  const B = slice(x.vera_B!, [0, 0], [site.outputs, rank]);
                  const dropped = context.dropout(input, dropout, `${site.name}.vera_dropout`);
                  const low = matMul(dropped, A, false, true).mul(x[d(site)]!);
                  return y.add(matMul(low, B, false, true).mul(x[b(site)]!));
                },
              }
            : undefined,
      }),
      merge: (x) => (site) => {
        const low = (): { up: Float32Array; down: Float32Array } => {
          const [A, B, lambdaD, lambdaB] = [x.vera_A!, x.vera_B!, x[d(site)]!, x[b(site)]!];
          const down = Float32Array.from({ length: rank * site.inputs }, (_, i) => {
            const row = Math.floor(i / site.inputs);
            return lambdaD[row]! * A[row * inputs + (i % site.inputs)]!;
          });
          const up = B.subarray(0, site.outputs * rank).map((value, i) => value * lambdaB[Math.floor(i / rank)]!); // prettier-ignore
          return { up, down };
        };
        return adapted.has(site.name) ? [{ low }] : [];
      },
    };
  },
});
