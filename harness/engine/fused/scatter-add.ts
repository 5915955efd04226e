/** Adds rows of one tensor to places of another, in a recorded program; it has no gradient. */
import { record } from '../graph/recorder.ts';
import type { Tensor } from '../tfjs/library.ts';

/** `onto` with each element of x added at the place but for `axis` that `index`, of x's shape, names. Recorded only. */
export function scatterAdd(onto: Tensor, index: Tensor, x: Tensor, axis: number): Tensor {
  return record([onto, index, x], (g, [base, at, added]) => [g.scatterAdd(base!, at!, added!, axis)])[0]!;
}
