import { twisterOfArray, type Twister } from './mersenne-twister.ts';

/**
 * CPython's `random.Random(seed)` for whole seeds: what few-shot examples are drawn by where the same must be
 * drawn as a
 * Python program draws. Algorithms as CPython 3.11 documents them.
 */
export class PythonRandom {
  readonly #next: Twister;

  /** Throws RangeError unless the seed is a whole number from 0 to 2³² − 1. */
  constructor(seed: number) {
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
      throw new RangeError(`the seed is a whole number from 0 to 2³² − 1 here, not ${seed}`);
    this.#next = twisterOfArray([seed]);
  }

  /** A whole number of so many bits, 1 to 32. */
  getRandomBits(bits: number): number {
    return this.#next() >>> (32 - bits);
  }

  /** A whole number below n, which is from 1 to 2³² − 1. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n);
    let drawn: number;
    do drawn = this.getRandomBits(bits);
    while (drawn >= n);
    return drawn;
  }

  /**
   * The places in a list of n of `k` distinct items, in the order drawn, as `sample` takes them; throws
   * RangeError where k > n.
   */
  sample(n: number, k: number): number[] {
    if (k > n) throw new RangeError(`cannot draw ${k} of ${n}`);
    // CPython keeps a list of what is left where that is smaller than a set of what was drawn.
    const setSize = 21 + (k > 5 ? 4 ** Math.ceil(Math.log(k * 3) / Math.log(4)) : 0);
    if (n <= setSize) {
      const pool = Array.from({ length: n }, (_, i) => i);
      return Array.from({ length: k }, (_, i) => {
        const j = this.below(n - i);
        const drawn = pool[j]!;
        pool[j] = pool[n - i - 1]!;
        return drawn;
      });
    }
    const drawn = new Set<number>();
    while (drawn.size < k) drawn.add(this.below(n));
    return [...drawn];
  }
}
