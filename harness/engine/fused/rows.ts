/** Selection of rows with its gradient. */
import * as tf from '../tfjs/library.ts';
import { fused } from './custom.ts';

/**
 * The rows [M, d] of x [N, d] at `index` [M]. `place` [N] is the inverse: the selected row that row i of x
 * became, or M where it was not selected; with it the gradient is a selection too, instead of a scatter.
 * Entries of `index` that only pad it to M may repeat a row, but the gradient of their rows must be zero.
 */
export function selectRows(x: tf.Tensor, index: tf.Tensor, place: tf.Tensor): tf.Tensor {
  const shape = [index.shape[0], x.shape[1]!];
  return fused(
    [x, index, place],
    {
      forward: (g, [x, index, place]) => ({
        result: g.one('Gather', [x!, index!], shape, 'float32', { axis: 0 }),
        saved: [place!],
      }),
      backward(g, [dy, place]) {
        const zero = g.constant(new Float32Array(shape[1]!), [1, shape[1]!], 'float32');
        const all = g.concat([dy!, zero], 0);
        return [
          g.one('Gather', [all, place!], [place!.shape[0]!, shape[1]!], 'float32', { axis: 0 }),
          undefined,
          undefined,
        ];
      },
    },
    () => tf.gather(x, index),
  );
}
