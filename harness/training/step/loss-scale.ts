import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { TensorTypes } from '../../engine/types.ts';
import type { Tensors } from '../../models/edits.ts';

// Dynamic loss scaling as torch.amp.GradScaler has it: gradients too small for float16 are computed times a scale. Where one
// overflows, the step is skipped and the scale halved; after many good steps it doubles. All of it is part of the state.

const SCALE = 'scaler/scale';
const GOOD = 'scaler/good';
const FIRST_SCALE = 2 ** 16;
const GROWTH_INTERVAL = 2000;

const scalar = { shape: [], dtype: 'float32' as const };
/** The scale, and the good steps since it last changed. */
export const scalerTypes: TensorTypes = { [SCALE]: scalar, [GOOD]: scalar };
/** Their values at the start. */
export const firstScaler = { [SCALE]: Float32Array.of(FIRST_SCALE), [GOOD]: Float32Array.of(0) };

/** The loss times the scale; itself where the state has no scale. */
export function scaled(loss: Tensor, state: Tensors): Tensor {
  const scale = state[SCALE];
  return scale ? loss.mul(scale) : loss;
}

/** Undoes the scale; exact, because it is a power of two. */
export function unscaled(tensors: Tensors, state: Tensors): Tensors {
  const scale = state[SCALE];
  if (!scale) return tensors;
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [name, tensor.div(scale)]));
}

/** What a step leaves: `next`, or the old state and half the scale where the gradient's norm is not finite. */
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
