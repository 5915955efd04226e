/** Reproduces numpy's permutations; GLUE's splits are drawn by them, as the RED authors' code draws them. */
import { twisterOf } from './mersenne-twister.ts';

/**
 * Returns 0 … n − 1 in the order of numpy's `np.random.RandomState(seed).permutation(n)` (its legacy
 * generator, which numpy keeps unchanged). Throws RangeError unless seed is a whole number below 2³² and n
 * one below 2³¹.
 */
export function numpyPermutation(seed: number, n: number): Int32Array {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new RangeError(`numpy's seeds are the whole numbers from 0 to 2³² − 1, not ${seed}`);
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) throw new RangeError(`cannot permute ${n} numbers`);
  const next = twisterOf(seed);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    // Like numpy, it draws as many bits as i has, and draws again while the number exceeds i.
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j: number;
    do j = (next() & mask) >>> 0;
    while (j > i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
