/**
 * Sums, sizes and ranges of plain numbers. Sums are float64 and run from left to right; the order must not
 * change, since records hold the results to the last digit.
 */

/** The sum of a list, 0 for an empty one. */
export function sum(values: Iterable<number>): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}

/** The number of elements of a tensor with this shape; 1 for a scalar, whose shape is []. */
export const sizeOf = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** The least multiple of `unit` that is not below `n`. */
export const roundUp = (n: number, unit: number): number => Math.ceil(n / unit) * unit;

/** The integers from `first` to `last`, both included. */
export const range = (first: number, last: number): number[] =>
  Array.from({ length: last - first + 1 }, (_, i) => first + i);

/** Whole numbers that add up to `total`, `count` of them, which differ by 1 at most. */
export const evenParts = (total: number, count: number): number[] =>
  Array.from(
    { length: count },
    (_, i) => Math.floor(((i + 1) * total) / count) - Math.floor((i * total) / count),
  );
