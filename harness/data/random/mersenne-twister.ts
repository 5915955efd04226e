/**
 * The Mersenne Twister MT19937 (Matsumoto and Nishimura, 1998), on which numpy's legacy random numbers and
 * Python's are built. numpy-permutation.ts and python-random.ts seed it as those do and derive their own
 * draws.
 */

const LENGTH = 624;
const SHIFT = 397;

/** Returns the next 32-bit number of the stream at each call. */
export type Twister = () => number;

/** Makes a stream from one 32-bit seed, as numpy does (`init_genrand` of the reference code). */
export function twisterOf(seed: number): Twister {
  return twisterFrom(stateOf(seed));
}

/** Makes a stream from several 32-bit seeds, as Python does (`init_by_array` of the reference code). */
export function twisterOfArray(seeds: readonly number[]): Twister {
  const state = stateOf(19650218);
  const mixed = (i: number, factor: number): number => {
    const last = state[i - 1]!;
    return state[i]! ^ Math.imul(last ^ (last >>> 30), factor);
  };
  let i = 1;
  const advance = (): void => {
    if (++i < LENGTH) return;
    state[0] = state[LENGTH - 1]!;
    i = 1;
  };
  for (let k = 0; k < Math.max(LENGTH, seeds.length); k++) {
    const j = k % seeds.length;
    state[i] = mixed(i, 1664525) + seeds[j]! + j;
    advance();
  }
  for (let k = 0; k < LENGTH - 1; k++) {
    state[i] = mixed(i, 1566083941) - i;
    advance();
  }
  state[0] = 0x80000000;
  return twisterFrom(state);
}

function stateOf(seed: number): Uint32Array {
  const state = new Uint32Array(LENGTH);
  state[0] = seed;
  for (let i = 1; i < LENGTH; i++) {
    const last = state[i - 1]!;
    state[i] = Math.imul(1812433253, last ^ (last >>> 30)) + i;
  }
  return state;
}

function twisterFrom(state: Uint32Array): Twister {
  let at = LENGTH;
  const refill = (): void => {
    for (let i = 0; i < LENGTH; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % LENGTH]! & 0x7fffffff);
      state[i] = state[(i + SHIFT) % LENGTH]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === LENGTH) refill();
    let y = state[at++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  };
}
