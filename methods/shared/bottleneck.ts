/**
 * What the adapters share: their options, where they stand, and the bottleneck d → r → d that each of them
 * is.
 */
import { z } from 'zod';
import {
  type BaseModel,
  constantTensor,
  type Delta,
  editSublayers,
  geluTanh,
  linear,
  normalTensor,
  type Shape,
  type Site,
  type Tensor,
  tensorsAt,
  type TensorSpec,
} from '../../harness/method.ts';

/** The option by which a method trains norms of the base as well. */
export const layerNorms = z
  .enum(['frozen', 'blocks', 'all'])
  .default('frozen')
  .describe(
    "norms of the base that are trained too: none, the blocks' own (as the RED paper's counts of Adapter need), or " +
      'all (its counts on T5)',
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

/** The base's sublayers for which `isAdapted` holds; throws RangeError where there is none. */
export function sublayers(base: BaseModel, isAdapted: (site: Site) => boolean): Site[] {
  const sites = base.sites.filter((site) => site.kind === 'sublayer' && isAdapted(site));
  if (sites.length === 0) throw new RangeError(`${base.id} has no sublayer to put a module after`);
  return sites;
}

/** Which of the base's norms the option `layerNorms` unfreezes, as `Delta.unfreezes` says it. */
export function unfreezeNorms(norms: LayerNorms): NonNullable<Delta['unfreezes']> {
  const inBlocks: readonly Site['role'][] = ['attentionNorm', 'mlpNorm'];
  return (_, owner) =>
    owner?.kind === 'norm' && (norms === 'all' || (norms === 'blocks' && inBlocks.includes(owner.role)));
}

/**
 * The four tensors of a bottleneck d → r → d, stored as torch's Linear does, [out, in]; biases start at 0.
 */
export function bottleneckTensors(
  name: string,
  width: number,
  bottleneck: number,
  weight: { down(shape: Shape): TensorSpec; up(shape: Shape): TensorSpec },
): Record<string, TensorSpec> {
  return {
    [`${name}.down.weight`]: weight.down([bottleneck, width]),
    [`${name}.down.bias`]: constantTensor([bottleneck], 0),
    [`${name}.up.weight`]: weight.up([width, bottleneck]),
    [`${name}.up.bias`]: constantTensor([width], 0),
  };
}

/** Up(activate(Down(y))): y [N, d] → [N, d]; `own` reads the tensors of `bottleneckTensors`. */
export function bottleneckOf(
  own: (name: string) => Tensor,
  name: string,
  y: Tensor,
  activate: (low: Tensor) => Tensor,
): Tensor {
  const project = (part: 'down' | 'up', x: Tensor): Tensor =>
    linear(x, own(`${name}.${part}.weight`), own(`${name}.${part}.bias`), true);
  return project('up', activate(project('down', y)));
}

/**
 * Houlsby's adapters, y ← y + Up(gelu(Down(y))), as OpenDelta initialises them: N(0, 0.01²), near the
 * identity.
 */
export function adapters(
  sites: readonly Site[],
  options: { readonly bottleneck: number; readonly layerNorms: LayerNorms },
): Delta {
  const small = (shape: Shape): TensorSpec => normalTensor(shape, 0.01);
  return {
    trained: tensorsAt(sites, ({ outputs }) =>
      bottleneckTensors('adapter', outputs, options.bottleneck, { down: small, up: small }),
    ),
    unfreezes: unfreezeNorms(options.layerNorms),
    edits: (x) => editSublayers(sites, x, (y, { own }) => y.add(bottleneckOf(own, 'adapter', y, geluTanh))),
  };
}
