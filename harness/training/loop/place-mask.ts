/** Copies a dropout mask that was drawn for one batch shape into another one. run-group.ts uses it. */
import type { RandomInput } from '../../engine/types.ts';
import { sizeOf } from '../../support/numbers/arithmetic.ts';

type Placed = Pick<RandomInput, 'shape' | 'tail'>;

/**
 * Copies a dropout mask, drawn in the shape `from` of a batch, into `out`, which has the shape `to` of the
 * same batch. Elements that only `to` has belong to no token, and are 1: nothing is dropped there.
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
    // First the rows of tokens, then the last rows, which belong to no token.
    const [tail, newTail] = [from.tail ?? 0, to.tail ?? 0];
    some(0, 0, Math.min(n - tail, m - newTail));
    some(n - tail, m - newTail, Math.min(tail, newTail));
  };
  copy(0, 0, 0);
}
