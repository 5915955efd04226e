import * as tf from '@tensorflow/tfjs';
import { fused } from './custom.ts';

/** Normalisation by the root of the mean square over the last dimension: x [N, d], weight [d] (Zhang and Sennrich, 2019). */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  return fused(
    [x, weight],
    {
      forward(g, [x, weight]) {
        const row = { shape: x!.shape.with(-1, 1), dtype: 'float32' as const };
        const [y, inverse] = g.node(
          'SimplifiedLayerNormalization',
          [x!, weight!],
          [{ shape: x!.shape, dtype: 'float32' }, row],
          { axis: -1, epsilon: { float: epsilon } },
        );
        return { result: y!, saved: [x!, weight!, inverse!] };
      },
      // dx = r (g − x̂ mean(g x̂)) with g = dy · weight and r the inverse root
      backward(g, [dy, x, weight, inverse]) {
        const normal = g.mul(x!, inverse!);
        const last = dy!.shape.length - 1;
        const scaled = g.mul(dy!, weight!);
        const along = g.reduce('ReduceMean', g.mul(scaled, normal), [last], true);
        const rows = Array.from({ length: last }, (_, i) => i);
        return [
          g.mul(g.sub(scaled, g.mul(normal, along)), inverse!),
          g.reduce('ReduceSum', g.mul(dy!, normal), rows, false),
        ];
      },
    },
    () => x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(weight),
  );
}
