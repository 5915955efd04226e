/** A linear layer with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/** x W + b [N, out] for x [N, in], or x Wᵀ + b where the weight is stored as [out, in] (`transposed`). */
export function linear(x: tf.Tensor, W: tf.Tensor, b: tf.Tensor | undefined, transposed: boolean): tf.Tensor {
  return fused(
    b ? [x, W, b] : [x, W],
    {
      forward: (g, [x, W, b]) => ({
        result: g.gemm(x!, W!, { transB: transposed, c: b }),
        saved: [x!, W!],
      }),
      backward(g, [dy, x, W]) {
        const dx = g.gemm(dy!, W!, { transB: !transposed });
        const dW = W!.packed ? undefined : gradientOfWeight(g, x!, dy!, transposed);
        return b ? [dx, dW, g.reduce('ReduceSum', dy!, [0], false)] : [dx, dW];
      },
    },
    () => {
      const y = tf.matMul(x, W, false, transposed);
      return b ? y.add(b) : y;
    },
  );
}

function gradientOfWeight(g: Graph, x: Value, dy: Value, transposed: boolean): Value {
  return transposed ? g.gemm(dy, x, { transA: true }) : g.gemm(x, dy, { transA: true });
}
