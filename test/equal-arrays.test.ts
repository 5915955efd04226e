// Tests that typed arrays are equal by the rule that vitest has for them.
import { expect, test } from 'vitest';
import { equalArrays } from './equal-arrays.ts';

const cases: [string, unknown, unknown, boolean][] = [
  ['the same values', Float32Array.of(1, 2.5), Float32Array.of(1, 2.5), true],
  ['another value at the end', Float32Array.of(1, 2.5), Float32Array.of(1, 2), false],
  ['fewer values', Float32Array.of(1, 2.5), Float32Array.of(1), false],
  ['no values', new Float32Array(), new Float32Array(), true],
  ['not a number, twice', Float32Array.of(NaN), Float32Array.of(NaN), true],
  ['zero and minus zero', Float32Array.of(0), Float32Array.of(-0), false],
  ['another type', Float32Array.of(1, 2), Float64Array.of(1, 2), false],
  ['bytes and a buffer of them', Uint8Array.of(1, 2), Buffer.of(1, 2), false],
  ['integers of 64 bits', BigInt64Array.of(1n, -2n), BigInt64Array.of(1n, -2n), true],
  ['a part of a longer one', Float32Array.of(0, 1, 2).subarray(1), Float32Array.of(1, 2), true],
];

test.each(cases)('%s', (_, a, b, equal) => {
  expect(equalArrays(a, b)).toBe(equal);
  const within = (value: unknown): unknown => ({ tensors: new Map([['weight', [value]]]) });
  if (equal) expect(within(a)).toEqual(within(b));
  else expect(within(a)).not.toEqual(within(b));
});

test('what is no typed array is left to vitest', () => {
  expect(equalArrays([1], [1])).toBeUndefined();
  expect(equalArrays(Float32Array.of(1), [1])).toBeUndefined();
  expect(equalArrays(new DataView(new ArrayBuffer(1)), new DataView(new ArrayBuffer(1)))).toBeUndefined();
  expect(Float32Array.of(1, 2)).not.toEqual([1, 2]);
  expect(Float32Array.of(1, 2)).toEqual(expect.any(Float32Array));
});
