/** Permutations of elements with their gradient; methods whose projections permute use them. */
import * as tf from '../tfjs/library.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/**
 * The elements of x [N] in another order: element i of the result is element `order[i]` of x. `inverse` [N] is
 * the inverse permutation; with it the gradient is a permutation too, instead of a scatter.
 */
export function permute(x: tf.Tensor, order: tf.Tensor, inverse: tf.Tensor): tf.Tensor {
  return fused(
    [x, order, inverse],
    {
      // GatherElements takes a fifth of the time that Gather takes for single numbers.
      forward: (g, [x, order, inverse]) => ({
        result: g.one('GatherElements', [x!, order!], x!.shape, 'float32', { axis: 0 }),
        saved: [inverse!],
      }),
      backward: (g, [dy, inverse]): readonly (Value | undefined)[] => [
        g.one('GatherElements', [dy!, inverse!], dy!.shape, 'float32', { axis: 0 }),
        undefined,
        undefined,
      ],
    },
    () => tf.gather(x, order),
  );
}
