import * as tf from '../tfjs/library.ts';
import type { Value } from '../graph/node.ts';
import type { Write } from '../graph/kernels.ts';
import { record, recording } from '../graph/recorder.ts';

/** An operation with its gradient written by hand for recorded programs, and as ordinary operations for all others. */
export interface Fused {
  /** From the operands to the result and whatever the gradient wants to see again. */
  readonly forward: (...args: Parameters<Write>) => { result: Value; saved: readonly Value[] };
  /** From the result's gradient and the saved values to the gradient of each operand; undefined where it has none. */
  readonly backward: (...args: [...Parameters<Write>]) => readonly (Value | undefined)[];
}

/** Runs a fused operation: recorded by hand, or composed. */
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
      const made = forward(g, inputs);
      return [made.result, ...made.saved];
    });
    save(saved);
    return {
      value: value!,
      gradFunc: (dy: tf.Tensor, kept: tf.Tensor[]) =>
        record([dy, ...kept, ...xs], (g, [gradient, ...rest]) =>
          backward(g, [gradient!, ...rest.slice(0, kept.length)]).map(
            // No gradient flows here; nothing reads the zero, so it never reaches the program.
            (dx, i) => dx ?? g.constant(Float32Array.of(0), rest[kept.length + i]!.shape, 'float32'),
          ),
        ),
    };
  });
  return custom(...(operands as tf.Tensor[]));
}
