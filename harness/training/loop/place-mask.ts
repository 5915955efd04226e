import type { Random } from '../../engine/types.ts';
import { sizeOf } from '../../support/arithmetic.ts';

/**
 * A dropout mask that was drawn for one shape of a batch, as it stands in another shape of the same batch: what only one
 * of them has belongs to no token, and is kept. `mask` has `from`'s shape; `out`, which is filled, has `to`'s.
 */
export function placeMask(mask: Float32Array, from: Random, out: Float32Array, to: Random): void {
  out.fill(1);
  const copy = (axis: number, source: number, target: number): void => {
    const [row, newRow] = [from, to].map(({ shape }) => sizeOf(shape.slice(axis + 1))) as [number, number];
    const [n, m] = [from.shape[axis]!, to.shape[axis]!];
    const some = (begin: number, onto: number, count: number): void => {
      if (axis === from.shape.length - 1) {
        out.set(mask.subarray(source + begin, source + begin + count), target + onto);
        return;
      }
      for (let i = 0; i < count; i++)
        copy(axis + 1, source + (begin + i) * row, target + (onto + i) * newRow);
    };
    if (axis > 0) {
      some(0, 0, Math.min(n, m));
      return;
    }
    // Rows of the tokens, then rows behind them.
    some(0, 0, Math.min(n - from.tail, m - to.tail));
    some(n - from.tail, m - to.tail, Math.min(from.tail, to.tail));
  };
  copy(0, 0, 0);
}
