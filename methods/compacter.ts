/**
 * Compacter (Karimi Mahabadi et al. 2021): adapters whose matrices are sums of Kronecker products, W = Σᵢ Cᵢ
 * ⊗ (sᵢ tᵢ); the Cᵢ are one tensor for the whole model. Compacter++ (feedForwardOnly) has them after the
 * feed-forward alone. Take it where adapters work but have too many parameters; each step forms the matrices
 * anew.
 */
import { z } from 'zod';
import {
  constantTensor,
  defineMethod,
  editSublayers,
  geluTanh,
  matMul,
  normalTensor,
  type Tensor,
  tensorsAt,
  type TensorSpec,
  uniformTensor,
} from '../harness/method.ts';
import { crossAttention, layerNorms, sublayers, unfreezeNorms } from './shared/bottleneck.ts';

/** The name of C [n, n, n]. */
const rule = 'compacter.rule';

export default defineMethod({
  name: 'compacter',
  label: 'Compacter',
  paper: 'Karimi Mahabadi et al. 2021, arXiv:2106.04647',
  formula: 'h → h + W_up gelu(W_down h + b_down) + b_up, W = Σᵢ Aᵢ ⊗ (sᵢ tᵢ)',
  options: z.strictObject({
    bottleneck: z.int().positive().optional().describe('width between the projections; d / 32 where absent'),
    factors: z.int().positive().default(4).describe('n, terms of the sum and order of the shared C'),
    rank: z.int().positive().default(1).describe('ρ, of the factors s t'),
    feedForwardOnly: z.boolean().default(false).describe('no module after attention (Compacter++)'),
    layerNorms,
    crossAttention,
  }),
  ablations: { 'feed-forward-only': { feedForwardOnly: true }, 'layer-norms': { layerNorms: 'blocks' } },
  defaults: { learningRate: 3e-3 },
  attach(base, { factors: n, rank, feedForwardOnly, ...options }) {
    const { width } = base.architecture;
    const bottleneck = options.bottleneck ?? Math.floor(width / 32);
    if (width % n !== 0 || bottleneck % n !== 0 || bottleneck === 0) {
      throw new RangeError(
        `Compacter's widths, ${width} and ${bottleneck}, must be multiples of ${n} (factors)`,
      );
    }
    const sites = sublayers(base, ({ role, attention }) =>
      feedForwardOnly ? role === 'mlp' : options.crossAttention || attention !== 'cross',
    );
    // Xavier uniform with gain √2 on each slice.
    const factor = (rows: number, columns: number): TensorSpec =>
      uniformTensor([n, rows, columns], Math.sqrt(2) * Math.sqrt(6 / (rows + columns)));
    const projection = (name: string, inputs: number, outputs: number): Record<string, TensorSpec> => ({
      [`${name}.s`]: factor(inputs / n, rank),
      [`${name}.t`]: factor(rank, outputs / n),
      [`${name}.bias`]: constantTensor([outputs], 0),
    });
    /**
     * y W + bias. W [in, out] is C [n, n, 1, n, 1] ⊙ s t [n, 1, in/n, 1, out/n], summed over the first axis.
     */
    const project = (
      C: Tensor,
      own: (name: string) => Tensor,
      name: string,
      y: Tensor,
      [inputs, outputs]: readonly [number, number],
    ): Tensor => {
      const st = matMul(own(`${name}.s`), own(`${name}.t`)).reshape([n, 1, inputs / n, 1, outputs / n]);
      const W = C.reshape([n, n, 1, n, 1]).mul(st).sum(0).reshape([inputs, outputs]);
      return matMul(y, W).add(own(`${name}.bias`));
    };
    return {
      trained: {
        [rule]: normalTensor([n, n, n], 1e-4),
        ...tensorsAt(sites, () => ({
          ...projection('compacter.down', width, bottleneck),
          ...projection('compacter.up', bottleneck, width),
        })),
      },
      unfreezes: unfreezeNorms(options.layerNorms),
      edits: (x) =>
        editSublayers(sites, x, (y, { own }) => {
          const C = x[rule]!;
          const low = geluTanh(project(C, own, 'compacter.down', y, [width, bottleneck]));
          return y.add(project(C, own, 'compacter.up', low, [bottleneck, width]));
        }),
    };
  },
});
