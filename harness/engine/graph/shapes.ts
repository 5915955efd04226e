/**
 * Shapes of operands and results. The graph's operations use it, and programs through `ops.ts` (cutEvenly).
 */
import type { Shape } from '../types.ts';

/**
 * Elements of one part: at most as many as a core's cache holds of a few tensors; fewer than the least do not
 * pay.
 */
const PART = { most: 2 ** 17, least: 2 ** 14 };

/**
 * Cuts `size` elements into equal parts; returns [parts, elements of a part], one part where no cut is even.
 */
export function cutEvenly(size: number): [number, number] {
  for (let parts = Math.ceil(size / PART.most); parts <= size / PART.least; parts++)
    if (size % parts === 0) return [parts, size / parts];
  return [1, size];
}

/** The shape that two operands broadcast to; throws RangeError where they do not, naming the operation. */
export function broadcast(a: Shape, b: Shape, op: string): Shape {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1) throw new RangeError(`${op}: [${a}] and [${b}] do not broadcast`);
    return x === 1 ? y : x;
  });
}
