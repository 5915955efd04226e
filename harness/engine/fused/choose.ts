/** Elementwise choice without a gradient. */
import * as tf from '../tfjs/library.ts';
import { broadcast } from '../graph/shapes.ts';
import { record, recording } from '../graph/recorder.ts';

/** a where the condition is true, otherwise b; all three broadcast, and no gradient flows. */
export function choose(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  if (!recording()) return tf.where(condition, a, b);
  // tf.where would first tile the condition to the whole shape.
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape, 'Where'), 'Where');
  return record([condition, a, b], (g, [holds, x, y]) => [
    g.one('Where', [holds!, x!, y!], shape, x!.dtype),
  ])[0]!;
}
