/** Normalisation by the root of the mean square, with its gradient. */
import * as tf from '../tfjs/library.ts';
import { fused } from './custom.ts';

/** RMS normalisation over the last dimension: x [N, d], weight [d] (Zhang and Sennrich, 2019). */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  return fused(
    [x, weight],
    {
      forward(g, [x, weight]) {
        const attributes = { axis: -1, epsilon: { float: epsilon } };
        const y = g.one('SimplifiedLayerNormalization', [x!, weight!], x!.shape, 'float32', attributes);
        return { result: y, saved: [x!, weight!] };
      },
      // dx = r (g − x̂ mean(g x̂)) with g = dy · weight and r = 1 / √(mean x² + ε)
      backward(g, [dy, x, weight]) {
        const last = dy!.shape.length - 1;
        // r is computed again, since WebGPU's kernel leaves its second output, r, unwritten.
        const squares = g.reduce('ReduceSumSquare', x!, [last], true);
        const mean = g.mul(squares, g.scalar(1 / x!.shape[last]!));
        const inverse = g.unary('Reciprocal', g.unary('Sqrt', g.add(mean, g.scalar(epsilon))));
        const normal = g.mul(x!, inverse);
        const scaled = g.mul(dy!, weight!);
        const along = g.reduce('ReduceMean', g.mul(scaled, normal), [last], true);
        const rows = Array.from({ length: last }, (_, i) => i);
        return [
          g.mul(g.sub(scaled, g.mul(normal, along)), inverse),
          g.reduce('ReduceSum', g.mul(dy!, normal), rows, false),
        ];
      },
    },
    () => x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(weight),
  );
}
