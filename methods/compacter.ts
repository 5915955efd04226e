import { z } from 'zod';
import {
  defineMethod,
  geluTanh,
  matMul,
  type Site,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '../harness/method.ts';
import { afterSublayers, crossAttention, layerNorms, sublayers } from './shared/bottleneck.ts';

const rule = 'compacter.rule';

/**
 * Compacter: adapters whose matrices are sums of Kronecker products, W = Σᵢ Cᵢ ⊗ (sᵢ tᵢ); the Cᵢ are one tensor for the
 * whole model. Compacter++ is the feed-forward alone.
 */
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
    const width = base.architecture.width;
    const bottleneck = options.bottleneck ?? Math.floor(width / 32);
    if (width % n !== 0 || bottleneck % n !== 0 || bottleneck === 0) {
      throw new RangeError(
        `Compacter's widths, ${width} and ${bottleneck}, must be multiples of ${n} (factors)`,
      );
    }
    // Xavier uniform with gain √2 on each slice.
    const factor = (rows: number, columns: number): TensorSpec => {
      const bound = Math.sqrt(2) * Math.sqrt(6 / (rows + columns));
      return {
        shape: [n, rows, columns],
        init: (random) => random.uniform(n * rows * columns, -bound, bound),
      };
    };
    const part = (name: string, inputs: number, outputs: number): Record<string, TensorSpec> => ({
      [`${name}.s`]: factor(inputs / n, rank),
      [`${name}.t`]: factor(rank, outputs / n),
      [`${name}.bias`]: { shape: [outputs], init: () => new Float32Array(outputs) },
    });
    /** Without Einsum: C [n, n, 1, n, 1] ⊙ s t [n, 1, in/n, 1, out/n], summed over the terms, is W [in, out]. */
    const project = (x: Tensors, name: string, y: Tensor, inputs: number, outputs: number): Tensor => {
      const factors = matMul(x[`${name}.s`]!, x[`${name}.t`]!).reshape([n, 1, inputs / n, 1, outputs / n]);
      const W = x[rule]!.reshape([n, n, 1, n, 1]).mul(factors).sum(0).reshape([inputs, outputs]);
      return matMul(y, W).add(x[`${name}.bias`]!);
    };
    const down = (site: Site): string => `${site.name}.compacter.down`;
    const up = (site: Site): string => `${site.name}.compacter.up`;
    const wanted = (site: Site): boolean =>
      feedForwardOnly ? site.role === 'mlp' : options.crossAttention || site.attention !== 'cross';
    const delta = afterSublayers(
      sublayers(base, wanted),
      options.layerNorms,
      (site) => ({ ...part(down(site), width, bottleneck), ...part(up(site), bottleneck, width) }),
      (y, { site, x }) => {
        const low = geluTanh(project(x, down(site), y, width, bottleneck));
        return y.add(project(x, up(site), low, bottleneck, width));
      },
    );
    const C: TensorSpec = { shape: [n, n, n], init: (random) => random.normal(n ** 3, 0, 1e-4) };
    return { ...delta, trained: { [rule]: C, ...delta.trained } };
  },
});
