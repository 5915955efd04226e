import { z } from 'zod';
import {
  type BaseModel,
  type Context,
  type Delta,
  geluTanh,
  linear,
  type Random,
  type Site,
  type Tensor,
  type Tensors,
  type TensorSpec,
} from '../../harness/method.ts';

/** The option by which a method trains norms of the base as well. */
export const layerNorms = z
  .enum(['frozen', 'blocks', 'all'])
  .default('frozen')
  .describe(
    "norms of the base that are trained too: none, the blocks' own (as the RED paper's counts of Adapter need), or all (its counts on T5)",
  );
type LayerNorms = z.infer<typeof layerNorms>;

/** The option by which a method leaves cross attention alone. */
export const crossAttention = z
  .boolean()
  .default(true)
  .describe('also after cross attention, where there is one');

/** The width of Houlsby's adapters. */
export const bottleneck = z
  .int()
  .positive()
  .default(24)
  .describe('width between the down and the up projection');

/** The sublayers that are wanted; throws RangeError where there is none. */
export function sublayers(base: BaseModel, wanted: (site: Site) => boolean): Site[] {
  const sites = base.sites.filter((site) => site.kind === 'sublayer' && wanted(site));
  if (sites.length === 0) throw new RangeError(`${base.id} has no sublayer to put a module after`);
  return sites;
}

/** A method that changes the output y [N, d] of sublayers, before dropout and residual; `input` is what they receive. */
export function afterSublayers(
  sites: readonly Site[],
  norms: LayerNorms,
  specs: (site: Site) => Readonly<Record<string, TensorSpec>>,
  change: (y: Tensor, at: { site: Site; x: Tensors; input: Tensor; context: Context }) => Tensor,
): Delta {
  const names = new Set(sites.map(({ name }) => name));
  const inBlocks: readonly Site['role'][] = ['attentionNorm', 'mlpNorm'];
  return {
    trained: Object.assign({}, ...sites.map(specs)) as Delta['trained'],
    unfreezes: (_, owner) =>
      owner?.kind === 'norm' && (norms === 'all' || (norms === 'blocks' && inBlocks.includes(owner.role))),
    edits: (x, context) => ({
      sublayer: (site) =>
        names.has(site.name) ? { output: (y, input) => change(y, { site, x, input, context }) } : undefined,
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
export function adapters(
  sites: readonly Site[],
  options: { bottleneck: number; layerNorms: LayerNorms },
): Delta {
  const small: Weights = (random, outputs, inputs) => random.normal(outputs * inputs, 0, 0.01);
  const at = (site: Site): string => `${site.name}.adapter`;
  return afterSublayers(
    sites,
    options.layerNorms,
    (site) => bottleneckSpecs(at(site), site.outputs, options.bottleneck, { down: small, up: small }),
    (y, { site, x }) => y.add(bottleneckAt(x, at(site), y, geluTanh)),
  );
}
