/**
 * Dynamic loss scaling as in torch.amp.GradScaler: gradients that are too small for float16 are computed
 * times a scale. Where one overflows the step is skipped and the scale halved; after many good steps it
 * doubles. The scale is part of the state, so programs keep it and checkpoints hold it.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { TensorTypes } from '../../engine/types.ts';
import type { Tensors } from '../../models/edits.ts';

const SCALE = 'scaler/scale';
const GOOD = 'scaler/good';
const FIRST_SCALE = 2 ** 16;
const GROWTH_INTERVAL = 2000;

const scalar = { shape: [], dtype: 'float32' as const };
/** The scale, and the good steps since it last changed. */
export const scalerTypes: TensorTypes = { [SCALE]: scalar, [GOOD]: scalar };
/** The initial values of both. */
export const firstScaler = { [SCALE]: Float32Array.of(FIRST_SCALE), [GOOD]: Float32Array.of(0) };

/** The loss times the scale; the loss itself where the state has no scale. */
export function scaled(loss: Tensor, state: Tensors): Tensor {
  const scale = state[SCALE];
  return scale ? loss.mul(scale) : loss;
}

/** Divides tensors by the scale; exact, because the scale is a power of two. */
export function unscaled(tensors: Tensors, state: Tensors): Tensors {
  const scale = state[SCALE];
  if (!scale) return tensors;
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.div(scale)]));
}

/**
 * The state after a step: `next`, or the old state with half the scale where the gradient's norm is not
 * finite.
 */
export function keepFinite(next: Tensors, state: Tensors, norm: Tensor): Tensors {
  const scale = state[SCALE];
  if (!scale) return next;
  const isFinite = ops.less(norm, Infinity);
  const good = state[GOOD]!.add(1);
  const isDue = ops.equal(good, GROWTH_INTERVAL);
  return {
    ...Object.fromEntries(
      Object.entries(next).map(([name, tensor]) => [name, ops.choose(isFinite, tensor, state[name]!)]),
    ),
    [SCALE]: ops.choose(isFinite, ops.choose(isDue, scale.mul(2), scale), scale.mul(0.5)),
    [GOOD]: ops.choose(isFinite, ops.choose(isDue, ops.scalar(0), good), ops.scalar(0)),
  };
}
