/**
 * LoKr, low-rank Kronecker product (Yeh et al. 2023, LyCORIS), as Hugging Face peft defines it: y = W x + (α /
 * r) (C₁ ⊗ C₂) x. The sides of W are split into two factors near their roots, or with one equal to `factor`;
 * C₂, and with `both` C₁ too, is a product of rank r where that is smaller. Fewer parameters than LoRA's.
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
  type Tensor,
  tensorsAt,
  type TensorSpec,
  trainWhole,
  uniformTensor,
  wholeModules,
} from '../harness/method.ts';
import { sizeExceptions, sizesOf } from './shared/low-rank.ts';

export default defineMethod({
  name: 'lokr',
  label: 'LoKr',
  paper: 'Yeh et al. 2023, arXiv:2309.14859',
  formula: 'y = W x + (α / r) (C_1 ⊗ B_2 A_2) x',
  options: z.strictObject({
    rank: z.int().positive().default(8).describe('r of factors that are products'),
    alpha: z.number().positive().default(8).describe('numerator of the scale alpha / r'),
    both: z.boolean().default(false).describe('the first factor, too, may be a product'),
    factor: z
      .int()
      .positive()
      .optional()
      .describe(
        'the first factor of each side of W where it divides it, else its bound; near the root where absent',
      ),
    targets: queryAndValue,
    layers: layerList,
    ...sizeExceptions,
    whole: wholeModules,
  }),
  defaults: { learningRate: 2e-3 },
  attach(base, options) {
    const { both, factor } = options;
    const sites = linearTargets(base, options);
    const { rankOf, alphaOf } = sizesOf(sites, options);
    const scaleOf = (site: Site): number => alphaOf(site) / rankOf(site);
    /** The sizes of both factors; absent parts are no products. */
    const planOf = (site: Site): Plan => {
      const { inputs, outputs } = site;
      const rank = rankOf(site);
      const [a, b] = factorize(outputs, factor);
      const [c, d] = factorize(inputs, factor);
      const first = both && rank < Math.max(a, c) / 2;
      return { rank, a, b, c, d, first, second: rank < Math.max(b, d) / 2 };
    };
    const delta: Delta = {
      trained: tensorsAt(sites, (site) => tensorsOf(planOf(site))),
      edits: (x) =>
        editLinears(sites, x, (y, { input, own, site }) => {
          const { a, b, c, d, first, second } = planOf(site);
          const product = (name: string): Tensor => matMul(own(`${name}_a`), own(`${name}_b`));
          const C1 = (first ? product('lokr_w1') : own('lokr_w1')).reshape([a, 1, c, 1]);
          const C2 = (second ? product('lokr_w2') : own('lokr_w2')).reshape([1, b, 1, d]);
          return y.add(
            matMul(
              input,
              C1.mul(C2)
                .reshape([a * b, c * d])
                .mul(scaleOf(site)),
              false,
              true,
            ),
          );
        }),
      merge: (x) =>
        mergeAt(sites, x, ({ own, site }) => ({
          change() {
            const { a, b, c, d, first, second } = planOf(site);
            const scale = scaleOf(site);
            const C1 = first ? multiply(own('lokr_w1_a'), own('lokr_w1_b'), a, c) : own('lokr_w1');
            const C2 = second ? multiply(own('lokr_w2_a'), own('lokr_w2_b'), b, d) : own('lokr_w2');
            return Float32Array.from({ length: a * b * c * d }, (_, i) => {
              const [row, column] = [Math.floor(i / (c * d)), i % (c * d)];
              const one = C1[Math.floor(row / b) * c + Math.floor(column / d)]!;
              return scale * one * C2[(row % b) * d + (column % d)]!;
            });
          },
        })),
    };
    return trainWhole(delta, base, options.whole, sites);
  },
});

/** C₁ is [a, c] and C₂ [b, d]; `first` and `second` say which of them is a product of rank r. */
interface Plan {
  /** r */
  readonly rank: number;
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly first: boolean;
  readonly second: boolean;
}

/** C₁ starts at 0 (its left part where it is a product), all else as torch's Linear does. */
function tensorsOf({ rank, a, b, c, d, first, second }: Plan): Record<string, TensorSpec> {
  const random = (rows: number, columns: number): TensorSpec =>
    uniformTensor([rows, columns], linearBound(columns));
  return {
    ...(first
      ? { lokr_w1_a: constantTensor([a, rank], 0), lokr_w1_b: random(rank, c) }
      : { lokr_w1: constantTensor([a, c], 0) }),
    ...(second ? { lokr_w2_a: random(b, rank), lokr_w2_b: random(rank, d) } : { lokr_w2: random(b, d) }),
  };
}

/** Splits a side into two factors, the smaller first, as LyCORIS does (`factorization`). */
function factorize(side: number, factor?: number): [number, number] {
  if (factor !== undefined && side % factor === 0) return [factor, side / factor];
  let [m, n] = [1, side];
  while (m < n) {
    let next = m + 1;
    while (side % next !== 0) next++;
    if (next + side / next > side + 1 || next > (factor ?? side)) break;
    [m, n] = [next, side / next];
  }
  return m > n ? [n, m] : [m, n];
}
