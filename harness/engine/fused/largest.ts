/** The largest numbers of each row, without a gradient; generation uses it. */
import { recording, record } from '../graph/recorder.ts';
import type { Tensor } from '../tfjs/library.ts';

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
