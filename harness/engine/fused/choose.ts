import * as tf from '../tfjs/library.ts';
import { broadcast } from '../graph/shapes.ts';
import { record, recording } from '../graph/recorder.ts';

/** a where the condition holds, else b, all three broadcast; no gradient flows. */
export function choose(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  if (!recording()) return tf.where(condition, a, b);
  // tfjs would first spread the condition over the whole shape.
  const shape = broadcast(condition.shape, broadcast(a.shape, b.shape, 'Where'), 'Where');
  return record([condition, a, b], (g, [holds, x, y]) => [
    g.one('Where', [holds!, x!, y!], shape, x!.dtype),
  ])[0]!;
}
