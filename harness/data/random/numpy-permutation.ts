import { twisterOf } from './mersenne-twister.ts';

/**
 * The numbers 0 … n − 1 as numpy's `np.random.RandomState(seed).permutation(n)` orders them (its legacy
 * generator, which
 * numpy keeps as it is). Throws RangeError unless the seed is a whole number below 2³² and n one below 2³¹.
 */
export function numpyPermutation(seed: number, n: number): Int32Array {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new RangeError(`numpy's seeds are the whole numbers from 0 to 2³² − 1, not ${seed}`);
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) throw new RangeError(`cannot permute ${n} numbers`);
  const next = twisterOf(seed);
  const order = Int32Array.from({ length: n }, (_, i) => i);
  for (let i = n - 1; i > 0; i--) {
    // Numbers of as many bits as i has, drawn again while they are too large.
    const mask = 2 ** (32 - Math.clz32(i)) - 1;
    let j: number;
    do j = (next() & mask) >>> 0;
    while (j > i);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  return order;
}
