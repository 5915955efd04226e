import type { RandomInput } from '../../engine/types.ts';
import { sizeOf } from '../../support/arithmetic.ts';

type Placed = Pick<RandomInput, 'shape' | 'tail'>;

/**
 * A dropout mask that was drawn for one shape of a batch, as it stands in another shape of the same batch: what only one
 * of them has belongs to no token, and is kept. `mask` has `from`'s shape; `out`, which is filled, has `to`'s.
 */
export function placeMask(mask: Float32Array, from: Placed, out: Float32Array, to: Placed): void {
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
    const [tail, newTail] = [from.tail ?? 0, to.tail ?? 0];
    some(0, 0, Math.min(n - tail, m - newTail));
    some(n - tail, m - newTail, Math.min(tail, newTail));
  };
  copy(0, 0, 0);
}
