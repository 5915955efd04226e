/**
 * Reproduces numpy's permutations. GLUE's splits are drawn by the legacy ones, as the RED authors' code draws
 * them, and rows that are held back to validate on by the newer ones, as datasets draws them.
 */
import { twisterOf } from './mersenne-twister.ts';
import { pcg64 } from './pcg64.ts';

/**
 * Returns 0 … n − 1 in the order of numpy's `np.random.RandomState(seed).permutation(n)` (its legacy
 * generator, which numpy keeps unchanged). Throws RangeError unless seed is a whole number below 2³² and n
 * one below 2³¹.
 */
export function numpyPermutation(seed: number, n: number): Int32Array {
  return permutation(twisterOf, seed, n);
}

/** The same of `np.random.default_rng(seed).permutation(n)`, equal in numpy 1.24 and 2.4. */
export function numpyGeneratorPermutation(seed: number, n: number): Int32Array {
  return permutation(pcg64, seed, n);
}

/** Both shuffle alike: they differ in the stream of 32-bit numbers alone. */
function permutation(streamOf: (seed: number) => () => number, seed: number, n: number): Int32Array {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new RangeError(`numpy's seeds are the whole numbers from 0 to 2³² − 1 here, not ${seed}`);
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) throw new RangeError(`cannot permute ${n} numbers`);
  const next = streamOf(seed);
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
