/** Layer normalisation with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import { fused } from './custom.ts';

/** Layer normalisation over the last dimension: x [N, d], weight and bias [d] (Ba et al., 2016). */
export function layerNorm(x: tf.Tensor, weight: tf.Tensor, bias: tf.Tensor, epsilon: number): tf.Tensor {
  const normalise = (g: Graph, operands: readonly Value[]): readonly Value[] => {
    const { shape } = operands[0]!;
    const row = { shape: shape.with(-1, 1), dtype: 'float32' as const };
    const results = [{ shape, dtype: 'float32' as const }, row, row];
    return g.node('LayerNormalization', operands, results, { axis: -1, epsilon: { float: epsilon } });
  };
  return fused(
    [x, weight, bias],
    {
      forward(g, [given, weight, bias]) {
        // WebGPU's kernel computes the variance as E x² − (E x)², which rounds to nothing where the mean is
        // large.
        const mean = (): Value => g.reduce('ReduceMean', given!, [given!.shape.length - 1], true);
        const x = g.provider === 'webgpu' ? g.sub(given!, mean()) : given!;
        return { result: normalise(g, [x, weight!, bias!])[0]!, saved: [x, weight!] };
      },
      // dx = σ⁻¹ (g − mean(g) − x̂ mean(g x̂)) with g = dy · weight. One node computes x̂ and σ⁻¹ again, which is no
      // slower than x̂ from a mean and a deviation that were kept.
      backward(g, [dy, x, weight]) {
        const ones = g.filled(1, weight!.shape);
        const [normal, , inverse] = normalise(g, [x!, ones]) as [Value, Value, Value];
        const scaled = g.mul(dy!, weight!);
        const last = x!.shape.length - 1;
        const meanOf = (v: Value): Value => g.reduce('ReduceMean', v, [last], true);
        const inner = g.sub(g.sub(scaled, meanOf(scaled)), g.mul(normal, meanOf(g.mul(scaled, normal))));
        const rows = Array.from({ length: last }, (_, i) => i);
        return [
          g.mul(inner, inverse),
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
