// Numbers from tables against the formula that says what is drawn, bit for bit.
import { describe, expect, it } from 'vitest';
import { fillNormal } from '../../../harness/support/numbers/normal-pairs.ts';
import { threefry } from '../../../harness/support/numbers/random-stream.ts';

/** Box and Muller's formula, in float64 up to its result. */
function formula(words: Uint32Array, count: number, mean: number, deviation: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const [first, second] = [words[i - (i % 2)]!, words[i - (i % 2) + 1]!];
    const radius = deviation * Math.sqrt(-2 * Math.log((first + 1) / 4294967297));
    const angle = (2 * Math.PI * second) / 4294967296;
    return mean + radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
  });
}

const bits = (values: Float32Array): Buffer =>
  Buffer.from(values.buffer, values.byteOffset, values.byteLength);

function drawn(words: Uint32Array, count: number, mean: number, deviation: number): Float32Array {
  const out = new Float32Array(count);
  fillNormal(out, new Int32Array(words.buffer), mean, deviation);
  return out;
}

describe('fillNormal', () => {
  for (const [mean, deviation] of [
    [0, 0.02],
    [0, 1],
    [3, 0.5],
    [-1e6, 1e-3],
    [0, 1e-43],
    [1, 0],
    [0, Infinity],
    [NaN, 1],
  ] as const) {
    it(`gives the formula's bits for mean ${mean}, deviation ${deviation}`, () => {
      const words = new Uint32Array(200_000);
      threefry(7, 28, words);
      const expected = formula(words, words.length, mean, deviation);
      expect(bits(drawn(words, words.length, mean, deviation)).equals(bits(expected))).toBe(true);
    });
  }

  it('gives them at the ends of words, at the edges of its tables and where a sine is near 0', () => {
    const edges = [0, 2 ** 22, 2 ** 23, 2 ** 29, 2 ** 30, 2 ** 31, 3 * 2 ** 30, 2 ** 32 - 2 ** 24, 2 ** 32];
    const near = edges.flatMap((edge) => [-3, -2, -1, 0, 1, 2].map((more) => edge + more));
    const some = near.filter((word) => word >= 0 && word < 2 ** 32);
    const words = Uint32Array.from(some.flatMap((first) => some.flatMap((second) => [first, second])));
    const expected = formula(words, words.length, 0, 0.02);
    expect(bits(drawn(words, words.length, 0, 0.02)).equals(bits(expected))).toBe(true);
  });

  it('fills an odd count', () => {
    const words = new Uint32Array(8);
    threefry(1, 2, words);
    expect([...drawn(words, 7, 0, 1)]).toEqual([...formula(words, 7, 0, 1)]);
  });
});
