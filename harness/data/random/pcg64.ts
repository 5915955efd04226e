/**
 * PCG64, the generator of numpy's `default_rng`: a linear congruential generator of 128 bits whose state is
 * folded and rotated (PCG XSL RR 128/64; O'Neill, 2014). numpy-permutation.ts draws from it.
 */

const MULTIPLIER = 0x2360ed051fc65da44385df649fccf645n;

/**
 * Makes numpy's stream from a whole number below 2³²; each call returns its next 32-bit number. A draw has 64
 * bits, of which numpy gives out the lower half first.
 */
export function pcg64(seed: number): () => number {
  const [state0, state1, increment0, increment1] = seedWords(seed);
  const increment = BigInt.asUintN(128, (((increment0 << 64n) | increment1) << 1n) | 1n);
  const advance = (state: bigint): bigint => BigInt.asUintN(128, state * MULTIPLIER + increment);
  let state = advance(increment + ((state0 << 64n) | state1));
  let upper: number | undefined;
  return () => {
    if (upper !== undefined) {
      const half = upper;
      upper = undefined;
      return half;
    }
    state = advance(state);
    const folded = BigInt.asUintN(64, (state >> 64n) ^ state);
    const turn = state >> 122n;
    const drawn = BigInt.asUintN(64, (folded >> turn) | (folded << (64n - turn)));
    upper = Number(drawn >> 32n);
    return Number(drawn & 0xffffffffn);
  };
}

/** Words of the pool in which numpy's SeedSequence mixes a seed. */
const POOL = 4;

/** The four 64-bit numbers that numpy's SeedSequence makes of a seed. */
function seedWords(seed: number): [bigint, bigint, bigint, bigint] {
  const hash = hashing(0x43b0d7e5, 0x931e8875);
  const pool = Array.from({ length: POOL }, (_, i) => hash(i === 0 ? seed : 0));
  for (let from = 0; from < POOL; from++) {
    for (let to = 0; to < POOL; to++) {
      if (to !== from) pool[to] = mixed(pool[to]!, hash(pool[from]!));
    }
  }
  const hashOut = hashing(0x8b51f9dd, 0x58f38ded);
  const words = Array.from({ length: 2 * POOL }, (_, i) => BigInt(hashOut(pool[i % POOL]!) >>> 0));
  const pair = (i: number): bigint => words[2 * i]! | (words[2 * i + 1]! << 32n);
  return [pair(0), pair(1), pair(2), pair(3)];
}

/** A hash of 32-bit numbers whose constant changes with every call. */
function hashing(constant: number, factor: number): (value: number) => number {
  return (value) => {
    const keyed = value ^ constant;
    constant = Math.imul(constant, factor);
    return folded16(Math.imul(keyed, constant));
  };
}

const mixed = (a: number, b: number): number => folded16(Math.imul(0xca01f9dd, a) - Math.imul(0x4973f715, b));

const folded16 = (value: number): number => value ^ (value >>> 16);
