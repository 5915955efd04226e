import fc from 'fast-check';
import { expect, test } from 'vitest';
import { packRows } from '../../../harness/evaluation/likelihoods/pack-rows.ts';
import { sum } from '../../../harness/support/numbers/arithmetic.ts';

const nodes = fc.array(fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 3000 })), {
  minLength: 1,
  maxLength: 80,
});

test('every tree lies in a row, behind the others of that row', () => {
  fc.assert(
    fc.property(nodes, fc.constantFrom(0, 320), (sizes, before) => {
      const lots = packRows(sizes, before);
      const packed = lots.flatMap(({ trees }) => trees.map(({ tree }) => tree));
      expect(packed.sort((a, b) => a - b)).toEqual(sizes.map((_, tree) => tree));
      for (const { rows, length, trees } of lots) {
        expect(rows === 1 || rows * length <= 2048).toBe(true);
        const places = trees.map(({ tree, begin }) => [begin, begin + sizes[tree]!] as const);
        places.sort(([a], [b]) => a - b);
        places.forEach(([begin, end], i) => {
          expect(Math.floor(begin / length)).toBe(Math.floor((end - 1) / length));
          expect(begin).toBeGreaterThanOrEqual(places[i - 1]?.[1] ?? 0);
        });
        expect(places.at(-1)![1]).toBeLessThanOrEqual(rows * length);
      }
    }),
    { seed: 11, numRuns: 200 },
  );
});

test('short trees fill what long ones leave, in rows of few lengths', () => {
  const sizes = Array.from({ length: 400 }, (_, i) => 40 + ((i * 37) % 130));
  const lots = packRows(sizes, 320);
  const read = sum(lots.map(({ rows, length }) => rows * length));
  expect(sum(sizes) / read).toBeGreaterThan(0.95);
  expect(new Set(lots.map(({ rows, length }) => `${rows}x${length}`)).size).toBeLessThanOrEqual(6);
});
