// Parts of a whole number: they add up to it, and none is more than 1 larger than another.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { evenParts, sum } from '../../../harness/support/numbers/arithmetic.ts';

test('even parts add up to the whole and differ by 1 at most', () => {
  expect(evenParts(512, 3)).toEqual([170, 171, 171]);
  fc.assert(
    fc.property(fc.nat(1e6), fc.integer({ min: 1, max: 100 }), (total, count) => {
      const parts = evenParts(total, count);
      expect(parts).toHaveLength(count);
      expect(sum(parts)).toBe(total);
      expect(Math.max(...parts) - Math.min(...parts)).toBeLessThanOrEqual(1);
    }),
  );
});
