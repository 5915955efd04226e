/** How a method declares the tensors that it adds: their shapes and their initial values. */
import { sizeOf } from '../../support/numbers/arithmetic.ts';
import type { Shape, Site } from '../edits.ts';
import type { TensorSpec } from '../method.ts';

/** A tensor whose elements all start at `value`. */
export const constantTensor = (shape: Shape, value: number): TensorSpec => ({
  shape,
  init: () => new Float32Array(sizeOf(shape)).fill(value),
});

/** A tensor that starts at N(mean, deviation²). */
export const normalTensor = (shape: Shape, deviation: number, mean = 0): TensorSpec => ({
  shape,
  init: (random) => random.normal(sizeOf(shape), mean, deviation),
});

/** A tensor that starts at U(low, high); low is −high where absent. */
export const uniformTensor = (shape: Shape, high: number, low = -high): TensorSpec => ({
  shape,
  init: (random) => random.uniform(sizeOf(shape), low, high),
});

/**
 * The bound b of U(±b) from which torch's Linear draws its weight and its bias: 1/√inputs, which is Kaiming
 * uniform with a = √5.
 */
export const linearBound = (inputs: number): number => 1 / Math.sqrt(inputs);

/**
 * Declares a method's tensors at several sites. `specs` names them by the end of their names, which begin
 * with the site's name.
 */
export function tensorsAt(
  sites: readonly Site[],
  specs: (site: Site) => Readonly<Record<string, TensorSpec>>,
): Record<string, TensorSpec> {
  return Object.fromEntries(
    sites.flatMap((site) => Object.entries(specs(site)).map(([end, spec]) => [`${site.name}.${end}`, spec])),
  );
}
