import * as tf from '@tensorflow/tfjs';
import { record, recording } from '../recorder.ts';

/** a where the condition, one boolean, holds, else b of the same shape; no gradient flows. */
export function choose(condition: tf.Tensor, a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  if (!recording()) return tf.where(condition, a, b);
  // tfjs would first spread the condition over the whole shape.
  return record([condition, a, b], (g, [holds, x, y]) => [
    g.one('Where', [holds!, x!, y!], x!.shape, x!.dtype),
  ])[0]!;
}
