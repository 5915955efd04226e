/** Row indices as tensors, for searches inside a program. */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

/** A tensor of row indices. */
export type Rows = Parameters<typeof ops.gather>[1] & Tensor;

const integers = (list: Int32Array, shape: readonly number[]): Tensor =>
  ops.tensor(list, [...shape], 'int32');

/** The integers 0, 1, … in a tensor of this shape, int32. */
export function countTo(shape: readonly number[]): Tensor {
  const length = sizeOf(shape);
  return integers(
    Int32Array.from({ length }, (_, i) => i),
    shape,
  );
}

/** The index of each row's group, [groups · each]. */
export function groupOf(groups: number, each: number): Rows {
  const length = groups * each;
  return integers(
    Int32Array.from({ length }, (_, i) => Math.floor(i / each)),
    [length],
  );
}

/** Turns indices within each group [G, N] into indices of rows [G·N], where a group has `each` rows. */
export function rowsAt(within: Tensor, each: number): Rows {
  const groups = within.shape[0];
  const first = countTo([groups, 1]).mul(ops.scalar(each, 'int32'));
  return within.add(first).reshape<Rows>([-1]);
}
