/**
 * How the fused operations of this folder are made: a forward and a backward pass as graph nodes, and a plain
 * composition of tfjs's operations that tests hold equal to them.
 */
import * as tf from '../tfjs/library.ts';
import type { Value } from '../graph/node.ts';
import type { Write } from '../graph/kernels.ts';
import { record, recording } from '../graph/recorder.ts';

/** Forward and backward pass of an operation, written as nodes by hand. */
export interface Fused {
  /** Maps the operands to the result and the values that the backward pass reads. */
  readonly forward: (...args: Parameters<Write>) => { result: Value; saved: readonly Value[] };
  /**
   * Maps the result's gradient and the saved values to each operand's gradient; undefined where it has none.
   */
  readonly backward: (...args: [...Parameters<Write>]) => readonly (Value | undefined)[];
}

/**
 * Runs a fused operation: as its nodes in a recorded program, otherwise as `compose`, which tfjs
 * differentiates.
 */
export function fused(
  operands: readonly tf.Tensor[],
  { forward, backward }: Fused,
  compose: () => tf.Tensor,
): tf.Tensor {
  if (!recording()) return compose();
  const custom = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const xs = args.slice(0, -1) as tf.Tensor[];
    const save = args.at(-1) as tf.GradSaveFunc;
    const [value, ...saved] = record(xs, (g, inputs) => {
      const { result, saved } = forward(g, inputs);
      return [result, ...saved];
    });
    save(saved);
    return {
      value: value!,
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) =>
        record([dy, ...kept, ...xs], (g, [gradient, ...rest]) =>
          backward(g, [gradient!, ...rest.slice(0, kept.length)]).map(
            // Nothing reads the gradient of this operand, so the zero never reaches the program.
            (dx, i) => dx ?? g.constant(Float32Array.of(0), rest[kept.length + i]!.shape, 'float32'),
          ),
        ),
    };
  });
  return custom(...(operands as tf.Tensor[]));
}
