import * as tf from '../tfjs/library.ts';
import { fused } from './custom.ts';

/**
 * Rows of x [N, d] at `index` [M]. The caller also gives the way back, `place` [N]: where row i of x went, or M for
 * nowhere; so the gradient is a second selection instead of a scatter. An index that fills up M must repeat no row that
 * `place` sends elsewhere and its gradient must be zero.
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
