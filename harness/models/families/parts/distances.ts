/** Biases of attention scores that hide what stands too far away; decoders' windows and local attention use them. */
import * as ops from '../../../engine/ops.ts';
import type { Tensor } from '../../../engine/ops.ts';
import { MASKED } from './layers.ts';

/** Successive numbers, from `first` on. */
export const countFrom = (first: number, shape: [number, number, number, number]): Tensor =>
  ops.tensor(
    Float32Array.from({ length: Math.max(...shape) }, (_, i) => first + i),
    shape,
  );

/** MASKED where a distance is `limit` or more, 0 elsewhere. */
export function maskedFrom(distances: Tensor, limit: number): Tensor {
  const near = ops.less(distances, ops.scalar(limit));
  return ops.choose(near, ops.scalar(0), ops.scalar(MASKED));
}
