/** Scattered sums without a gradient; generation uses them in recorded programs. */
import { record } from '../graph/recorder.ts';
import type { Tensor } from '../tfjs/library.ts';

/**
 * `onto` plus each element of x at its own place, but with the coordinate on `axis` taken from `index` [x's
 * shape]. Only recorded programs have it.
 */
export function scatterAdd(onto: Tensor, index: Tensor, x: Tensor, axis: number): Tensor {
  return record([onto, index, x], (g, [base, at, added]) => [g.scatterAdd(base!, at!, added!, axis)])[0]!;
}
