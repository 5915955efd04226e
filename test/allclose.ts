/** Comparison of arrays within tolerances; the matcher toBeAllclose and the parity tests use it. */
/** Bounds of an elementwise comparison; both are 0 unless given. */
export interface Tolerance {
  readonly rtol?: number;
  readonly atol?: number;
}

/**
 * Compares element by element; returns undefined where all are close, otherwise a message on the largest
 * difference.
 */
export function allclose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { rtol = 0, atol = 0 }: Tolerance,
): string | undefined {
  if (actual.length !== expected.length) return `lengths differ: ${actual.length} and ${expected.length}`;
  let worst = -1;
  let excess = 0;
  for (let i = 0; i < expected.length; i++) {
    const a = actual[i]!;
    const e = expected[i]!;
    const over = Math.abs(a - e) - (atol + rtol * Math.abs(e));
    if (Number.isNaN(a) !== Number.isNaN(e)) return `element ${i}: ${a} against ${e}`;
    if (over > excess) [worst, excess] = [i, over];
  }
  return worst < 0
    ? undefined
    : `element ${worst}: ${actual[worst]!} against ${expected[worst]!} ` +
        `(difference ${Math.abs(actual[worst]! - expected[worst]!)}, rtol ${rtol}, atol ${atol})`;
}
