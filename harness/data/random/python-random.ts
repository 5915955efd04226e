/**
 * Reproduces Python's random numbers, so that few-shot examples and orders of answers are those that a Python
 * program draws.
 */
import { createHash } from 'node:crypto';
import { twisterOfArray, type Twister } from './mersenne-twister.ts';

/** CPython's `random.Random(seed)` for whole numbers and texts, by the algorithms that CPython 3.11 documents. */
export class PythonRandom {
  readonly #next: Twister;

  /** Throws RangeError unless the seed is a text or a whole number from 0 to 2³² − 1. */
  constructor(seed: number | string) {
    if (typeof seed === 'string') {
      this.#next = twisterOfArray(digitsOf(seed));
      return;
    }
    if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32)
      throw new RangeError(`the seed is a whole number from 0 to 2³² − 1 here, not ${seed}`);
    this.#next = twisterOfArray([seed]);
  }

  /** Returns a whole number of `bits` random bits; `bits` is 1 to 32. */
  getRandomBits(bits: number): number {
    return this.#next() >>> (32 - bits);
  }

  /** Returns a random number from 0 to below 1, of 53 bits. */
  random(): number {
    const high = this.#next() >>> 5;
    return (high * 2 ** 26 + (this.#next() >>> 6)) / 2 ** 53;
  }

  /** Returns a random whole number from 0 to n − 1; n is 1 to 2³² − 1. */
  below(n: number): number {
    const bits = 32 - Math.clz32(n);
    let drawn: number;
    do drawn = this.getRandomBits(bits);
    while (drawn >= n);
    return drawn;
  }

  /**
   * Draws `k` distinct indices of a list of n, in the order of Python's `sample`. Throws RangeError where k >
   * n.
   */
  sample(n: number, k: number): number[] {
    if (k > n) throw new RangeError(`cannot draw ${k} of ${n}`);
    // CPython keeps a list of the remaining items where that list is smaller than a set of the drawn items.
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

/** A text as CPython's seed: UTF-8 and its SHA-512 as one number, in 32-bit digits from the lowest on. */
function digitsOf(text: string): number[] {
  const bytes = Buffer.from(text);
  const digest = createHash('sha512').update(bytes).digest('hex');
  let rest = BigInt(`0x${bytes.toString('hex')}${digest}`);
  const digits: number[] = [];
  for (; rest > 0n; rest >>= 32n) digits.push(Number(rest & 0xffffffffn));
  return digits;
}
