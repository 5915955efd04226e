/** Rotary position embedding with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/**
 * Rotary position embedding (Su et al., 2021) in Hugging Face's order: the numbers i and i + h / 2 of a head
 * are a pair that is rotated by an angle. x [N, H·h], cos and sin of the angles [N, h / 2]; no gradient flows
 * to the angles.
 */
export function rotate(x: tf.Tensor, cos: tf.Tensor, sin: tf.Tensor): tf.Tensor {
  const [rows, width] = x.shape as [number, number];
  const half = cos.shape[1]!;
  // The kernel reads row i of cos and sin for position i; positions count from the offset 0.
  const turn = (g: Graph, x: Value, cos: Value, sin: Value): Value => {
    const batch = g.reshape(x, [1, rows, width]);
    const turned = g.one('RotaryEmbedding', [batch, g.integers([0]), cos, sin], batch.shape);
    return g.reshape(turned, [rows, width]);
  };
  return fused(
    [x, cos, sin],
    {
      forward: (g, [x, cos, sin]) => ({ result: turn(g, x!, cos!, sin!), saved: [cos!, sin!] }),
      backward: (g, [dy, cos, sin]) => [turn(g, dy!, cos!, g.unary('Neg', sin!)), undefined, undefined],
    },
    () => {
      const [a, b] = tf.split(x.reshape([rows, -1, 2, half]), 2, 2) as [tf.Tensor, tf.Tensor];
      const [c, s] = [cos.reshape([rows, 1, 1, half]), sin.reshape([rows, 1, 1, half])];
      const turned = tf.concat([a.mul(c).sub(b.mul(s)), b.mul(c).add(a.mul(s))], 2);
      return turned.reshape([rows, width]);
    },
  );
}
