/**
 * What every test file has: `toBeAllclose`, a fast comparison of typed arrays, and environment variables as they were
 * when it ends.
 */
import { afterAll, expect, vi } from 'vitest';
import { allclose, type Tolerance } from './allclose.ts';
import { equalArrays } from './equal-arrays.ts';

// Files of the unit project follow each other in one process.
afterAll(() => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
});

expect.addEqualityTesters([equalArrays]);

expect.extend({
  toBeAllclose(actual: ArrayLike<number>, expected: ArrayLike<number>, tolerance: Tolerance = {}) {
    const failure = allclose(actual, expected, tolerance);
    return { pass: failure === undefined, message: () => failure ?? 'all values are close' };
  },
});

declare module 'vitest' {
  // vitest declares it so.
  // eslint-disable-next-line @typescript-eslint/no-explicit-any, @typescript-eslint/no-unused-vars
  interface Matchers<T = any> {
    /** |actual − expected| ≤ atol + rtol·|expected|, element by element. */
    toBeAllclose(expected: ArrayLike<number>, tolerance?: Tolerance): void;
  }
}
