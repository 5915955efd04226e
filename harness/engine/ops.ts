/**
 * The operations that programs may use: tfjs's (also as methods of a tensor, x.mul(s).add(b)) and the fused
 * ones. Each runs recorded and eager, and so does its gradient.
 */
import * as tf from './tfjs/library.ts';
import { endForward } from './graph/recorder.ts';

export type Tensor = tf.Tensor;
export * from './tfjs/operations.ts';
export { gelu, geluTanh, swiGlu } from './fused/activation.ts';
export { attention, type AttentionShape } from './fused/attention.ts';
export { choose } from './fused/choose.ts';
export { headCrossEntropy, rowsOfChunk } from './fused/cross-entropy.ts';
export { layerNorm } from './fused/layer-norm.ts';
export { largest } from './fused/largest.ts';
export { linear } from './fused/linear.ts';
export { permute } from './fused/permute.ts';
export { rmsNorm } from './fused/rms-norm.ts';
export { rotate } from './fused/rotate.ts';
export { selectRows } from './fused/rows.ts';
export { scatterAdd } from './fused/scatter-add.ts';
export { cutEvenly } from './graph/shapes.ts';
export { boundary, inFloat32, inParts, loop, sumOfSquares, unpacked } from './graph/recorder.ts';

/** The value [] of f and its gradient for each named tensor; zeros for tensors that f does not depend on. */
export function valueAndGradients(
  f: () => tf.Tensor,
  xs: Readonly<Record<string, tf.Tensor>>,
): { value: tf.Tensor; gradients: Record<string, tf.Tensor> } {
  const names = Object.keys(xs);
  const tensors = Object.values(xs);
  if (tensors.length === 0) return { value: f(), gradients: {} };
  const forward = (): tf.Tensor => {
    const y = f();
    endForward();
    return y;
  };
  const { value, grads } = tf.engine().gradients(forward, tensors, undefined, true);
  const gradients = names.map((name, i) => {
    const gradient = grads[i] as tf.Tensor | undefined | null;
    return [name, gradient ?? tf.zerosLike(tensors[i]!)] as const;
  });
  return { value, gradients: Object.fromEntries(gradients) };
}

/**
 * 1 where x is above a threshold, 0 elsewhere; the gradient goes straight through to x (Bengio et al. 2013,
 * arXiv:1308.3432).
 */
export function stepStraightThrough(x: tf.Tensor, threshold: number): tf.Tensor {
  return tf.customGrad((y) => ({
    value: (y as tf.Tensor).greater(threshold).cast('float32'),
    gradFunc: (dy: tf.Tensor) => dy.clone(),
  }))(x);
}

/** Returns x; no gradient flows through it. */
export function stopGradient(x: tf.Tensor): tf.Tensor {
  return tf.customGrad((y) => ({
    value: (y as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => tf.zerosLike(dy),
  }))(x);
}
