/** Layer normalisation with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/** Layer normalisation over the last dimension: x [N, d], weight and bias [d] (Ba et al., 2016). */
export function layerNorm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor {
  return fused(
    [x, weight, bias],
    {
      forward(g, [given, weight, bias]) {
        const row = { shape: given!.shape.with(-1, 1), dtype: 'float32' as const };
        // WebGPU's kernel computes the variance as E x² − (E x)², which rounds to nothing where the mean is
        // large.
        const mean = (): Value => g.reduce('ReduceMean', given!, [given!.shape.length - 1], true);
        const x = g.provider === 'webgpu' ? g.sub(given!, mean()) : given;
        const [y, average, inverse] = g.node(
          'LayerNormalization',
          [x!, weight!, bias!],
          [{ shape: x!.shape, dtype: 'float32' }, row, row],
          { axis: -1, epsilon: { float: epsilon } },
        );
        return { result: y!, saved: [x!, weight!, average!, inverse!] };
      },
      // dx = σ⁻¹ (g − mean(g) − x̂ mean(g x̂)) with g = dy · weight
      backward(g, [dy, x, weight, mean, inverse]) {
        const normal = g.mul(g.sub(x!, mean!), inverse!);
        const scaled = g.mul(dy!, weight!);
        const last = x!.shape.length - 1;
        const meanOf = (v: typeof normal): typeof normal => g.reduce('ReduceMean', v, [last], true);
        const inner = g.sub(g.sub(scaled, meanOf(scaled)), g.mul(normal, meanOf(g.mul(scaled, normal))));
        const rows = Array.from({ length: last }, (_, i) => i);
        return [
          g.mul(inner, inverse!),
          g.reduce('ReduceSum', g.mul(dy!, normal), rows, false),
          g.reduce('ReduceSum', dy!, rows, false),
        ];
      },
    },
    () => {
      const centred = x.sub(x.mean(-1, true));
      const deviation = centred.square().mean(-1, true).add(epsilon).sqrt();
      return centred.div(deviation).mul(weight).add(bias);
    },
  );
}
