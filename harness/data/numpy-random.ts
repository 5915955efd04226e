/** The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998): a stream of 32-bit numbers from a 32-bit seed. */
function mersenneTwister(seed: number): () => number {
  const length = 624;
  const shift = 397;
  const key = new Uint32Array(length);
  key[0] = seed;
  for (let i = 1; i < length; i++) {
    const last = key[i - 1]!;
    key[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
  }
  let at = length;
  const refill = (): void => {
    for (let i = 0; i < length; i++) {
      const y = (key[i]! & 0x80000000) | (key[(i + 1) % length]! & 0x7fffffff);
      key[i] = key[(i + shift) % length]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === length) refill();
    let y = key[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}

/**
 * The numbers 0 … n − 1 as numpy's `np.random.RandomState(seed).permutation(n)` orders them (its legacy generator, which
 * numpy keeps as it is). Throws RangeError unless the seed is a whole number below 2³² and n one below 2³¹.
 */
export function numpyPermutation(seed: number, n: number): Int32Array {
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
    throw new RangeError(`numpy's seeds are the whole numbers from 0 to 2³² − 1, not ${seed}`);
  if (!Number.isInteger(n) || n < 0 || n >= 2 ** 31) throw new RangeError(`cannot permute ${n} numbers`);
  const next = mersenneTwister(seed);
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
