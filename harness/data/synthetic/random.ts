/**
 * Random choices for the generators of built-in data. Their sequence must never change, because the data, and
 * with it every record made on built-in data, depends on it.
 */
import { fnv1a } from '../../support/numbers/random-stream.ts';

/** A stream of random choices; equal seeds give equal choices on every platform. */
export interface SeededRandom {
  /** Returns a number uniform in [0, 1), in steps of 2⁻³². */
  next(): number;
  /** Returns a whole number uniform in 0 … n − 1. */
  int(n: number): number;
  /** Returns a uniformly chosen element of a list, which must not be empty. */
  pick<T>(list: readonly T[]): T;
  /** Returns a shuffled copy (Fisher-Yates). */
  shuffle<T>(list: readonly T[]): T[];
  /** Returns true with probability p. */
  chance(p: number): boolean;
}

/**
 * Makes a stream by the generator sfc32 of PractRand; its 32-bit integer arithmetic is equal on every
 * platform.
 */
export function seededRandom(seed: number | string): SeededRandom {
  const text = String(seed);
  let a = fnv1a(text, 0x811c9dc5);
  let b = fnv1a(text, 0x9747b28c);
  let c = fnv1a(text, 0x5bd1e995);
  let counter = 1;
  const word = (): number => {
    const sum = (a + b + counter++) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = (((c << 21) | (c >>> 11)) + sum) | 0;
    return sum >>> 0;
  };
  for (let i = 0; i < 12; i++) word();
  const next = (): number => word() / 4294967296;
  const int = (n: number): number => Math.floor(next() * n);
  return {
    next,
    int,
    pick<T>(list: readonly T[]): T {
      return list[int(list.length)]!;
    },
    shuffle<T>(list: readonly T[]): T[] {
      const out = [...list];
      for (let i = out.length - 1; i > 0; i--) {
        const j = int(i + 1);
        const kept = out[i]!;
        out[i] = out[j]!;
        out[j] = kept;
      }
      return out;
    },
    chance(p) {
      return next() < p;
    },
  };
}
