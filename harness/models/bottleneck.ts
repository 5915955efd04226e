import { z } from 'zod';
import { geluTanh, linear, type Tensor } from '../engine/ops.ts';
import type { BaseModel, Delta, Random, Site, TensorSpec, Tensors } from './types.ts';

/** What methods that put a module after sublayers leave open. */
export const sublayerOptions = {
  layerNorms: z
    .enum(['frozen', 'blocks', 'all'])
    .default('frozen')
    .describe("norms of the base that are trained too: none, the blocks' own, or the final and embedding norm also"), // prettier-ignore
  crossAttention: z.boolean().default(true).describe('also after cross attention, where there is one'),
};
interface SublayerOptions {
  layerNorms: 'frozen' | 'blocks' | 'all';
  crossAttention: boolean;
}

/** The options of Houlsby's adapters. */
export const adapterOptions = {
  bottleneck: z.int().positive().default(24).describe('width between the down and the up projection'),
  ...sublayerOptions,
};

/** The sublayers of these roles; throws RangeError where there is none. */
export function sublayers(
  base: BaseModel,
  roles: readonly Site['role'][],
  wanted: (site: Site) => boolean = () => true,
): Site[] {
  const sites = base.sites.filter((s) => s.kind === 'sublayer' && roles.includes(s.role) && wanted(s));
  if (sites.length === 0) throw new RangeError(`${base.id} has no sublayer to put a module after`);
  return sites;
}

/** A method that changes the output of sublayers before dropout and residual: y ← change(y, x, site). */
export function afterSublayers(
  sites: readonly Site[],
  { layerNorms, crossAttention }: SublayerOptions,
  trained: (site: Site) => Readonly<Record<string, TensorSpec>>,
  change: (y: Tensor, site: Site, x: Tensors) => Tensor,
): Delta {
  const acting = sites.filter((site) => crossAttention || site.attention !== 'cross');
  const names = new Set(acting.map(({ name }) => name));
  const norms = layerNorms === 'all' ? ['attentionNorm', 'mlpNorm', 'finalNorm', 'embeddingNorm'] : ['attentionNorm', 'mlpNorm']; // prettier-ignore
  return {
    trained: Object.assign({}, ...acting.map(trained)) as Delta['trained'],
    unfreezes: (_, owner) => layerNorms !== 'frozen' && owner?.kind === 'norm' && norms.includes(owner.role),
    edits: (x) => ({
      sublayer: (site) => (names.has(site.name) ? { output: (y) => change(y, site, x) } : undefined),
    }),
  };
}

/** Initial weights [outputs, inputs] of a linear. */
type Weights = (random: Random, outputs: number, inputs: number) => Float32Array;

/** Tensors of a bottleneck d → r → d, stored as torch's Linear does, [out, in]; biases start at 0. */
export function bottleneckSpecs(
  name: string,
  width: number,
  bottleneck: number,
  weights: { readonly down: Weights; readonly up: Weights },
): Record<string, TensorSpec> {
  const matrix = (rows: number, columns: number, init: Weights): TensorSpec => ({
    shape: [rows, columns],
    init: (random) => init(random, rows, columns),
  });
  const zeros = (length: number): TensorSpec => ({ shape: [length], init: () => new Float32Array(length) });
  return {
    [`${name}.down.weight`]: matrix(bottleneck, width, weights.down),
    [`${name}.down.bias`]: zeros(bottleneck),
    [`${name}.up.weight`]: matrix(width, bottleneck, weights.up),
    [`${name}.up.bias`]: zeros(width),
  };
}

/** Up(between(Down(y))): y [N, d] → [N, d]. */
export function bottleneckAt(x: Tensors, name: string, y: Tensor, between: (low: Tensor) => Tensor): Tensor {
  const project = (part: 'down' | 'up', input: Tensor): Tensor =>
    linear(input, x[`${name}.${part}.weight`]!, x[`${name}.${part}.bias`], true);
  return project('up', between(project('down', y)));
}

/** Houlsby's adapters, y ← y + Up(gelu(Down(y))), as OpenDelta initialises them: N(0, 0.01), near the identity. */
export function adapters(sites: readonly Site[], options: SublayerOptions & { bottleneck: number }): Delta {
  const small: Weights = (random, outputs, inputs) => random.normal(outputs * inputs, 0, 0.01);
  const at = (site: Site): string => `${site.name}.adapter`;
  return afterSublayers(
    sites,
    options,
    (site) => bottleneckSpecs(at(site), site.outputs, options.bottleneck, { down: small, up: small }),
    (y, site, x) => y.add(bottleneckAt(x, at(site), y, geluTanh)),
  );
}
