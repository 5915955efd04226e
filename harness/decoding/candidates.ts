import type { Tensor } from '../engine/ops.ts';
import { record, recording } from '../engine/graph/recorder.ts';

/** A model's outputs are not finite: its weights are not, or what is computed of them passes float32. */
export class NotFinite extends Error {
  override readonly name = 'NotFinite';
}

/**
 * Throws NotFinite where the sum that belongs to a row's logits is not finite, so that one of them is not: a maximum passes
 * over a NaN that does not come first, in onnxruntime, and so does a search.
 */
export function checkSum(sum: number): void {
  if (Number.isFinite(sum)) return;
  throw new NotFinite(
    "the model's logits are not finite: look for NaN or very large numbers in the base's weights and in what was trained",
  );
}

/** The best next tokens of one sequence, best first. */
export interface Candidates {
  readonly ids: Int32Array;
  readonly scores: Float32Array;
}

/** The `count` largest of each row of x [N, V], largest first: values and indices [N, count]. */
export function largest(x: Tensor, count: number): { values: Tensor; indices: Tensor } {
  if (!recording()) return x.topk(count);
  const shape = [x.shape[0], count];
  const [values, indices] = record([x], (g, [logits]) => {
    const [top, at] = g.node(
      'TopK',
      [logits!, g.integers([count])],
      [
        { shape, dtype: 'float32' },
        { shape, dtype: 'int64' },
      ],
    );
    return [top!, g.one('Cast', [at!], shape, 'int32', { to: 6 })];
  });
  return { values: values!, indices: indices! };
}
