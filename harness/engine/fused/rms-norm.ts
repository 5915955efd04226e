/** Normalisation by the root of the mean square, with its gradient. */
import * as tf from '../tfjs/library.ts';
import type { Graph } from '../graph/graph.ts';
import type { Value } from '../graph/node.ts';
import type { Shape } from '../types.ts';
import { fused } from './custom.ts';

/** RMS normalisation over the last dimension: x [N, d], weight [d] (Zhang and Sennrich, 2019). */
export function rmsNorm(x: tf.Tensor, weight: tf.Tensor, epsilon: number): tf.Tensor {
  /** x̂ · weight, and r = 1 / √(mean x² + ε) where it is asked for, too. */
  const normalise = (g: Graph, x: Value, weight: Value, shapes: readonly Shape[]): readonly Value[] => {
    const results = shapes.map((shape) => ({ shape, dtype: 'float32' as const }));
    const attributes = { axis: -1, epsilon: { float: epsilon } };
    return g.node('SimplifiedLayerNormalization', [x, weight], results, attributes);
  };
  /** r by itself, since WebGPU's kernel leaves it unwritten. */
  const inverseRoot = (g: Graph, x: Value): Value => {
    const squares = g.reduce('ReduceSumSquare', x, [x.shape.length - 1], true);
    const mean = g.mul(squares, g.scalar(1 / x.shape.at(-1)!));
    return g.unary('Reciprocal', g.unary('Sqrt', g.add(mean, g.scalar(epsilon))));
  };
  return fused(
    [x, weight],
    {
      forward: (g, [x, weight]) => ({
        result: normalise(g, x!, weight!, [x!.shape])[0]!,
        saved: [x!, weight!],
      }),
      // dx = r (g − x̂ mean(g x̂)) with g = dy · weight. One node computes x̂ and r again, as layer norm's does.
      backward(g, [dy, x, weight]) {
        const last = dy!.shape.length - 1;
        const shapes = g.provider === 'webgpu' ? [x!.shape] : [x!.shape, x!.shape.with(-1, 1)];
        const [normal, inverse = inverseRoot(g, x!)] = normalise(g, x!, g.filled(1, weight!.shape), shapes);
        const scaled = g.mul(dy!, weight!);
        const along = g.reduce('ReduceMean', g.mul(scaled, normal!), [last], true);
        const rows = Array.from({ length: last }, (_, i) => i);
        return [
          g.mul(g.sub(scaled, g.mul(normal!, along)), inverse),
          g.reduce('ReduceSum', g.mul(dy!, normal!), rows, false),
        ];
      },
    },
    () => x.mul(x.square().mean(-1, true).add(epsilon).rsqrt()).mul(weight),
  );
}
