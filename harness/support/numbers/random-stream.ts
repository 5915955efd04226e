/**
 * Seeded, counter-based random streams: Threefry-2×32 with 20 rounds (Salmon et al., "Parallel random
 * numbers: as easy as 1, 2, 3", 2011). Initial values, dropout, the order of examples and sampled tokens are
 * drawn from them. No value may ever change, since records are reproduced by their seeds.
 */
import { fillNormal } from './normal-pairs.ts';

/**
 * A random stream. Its value i depends on (seed, name, i) alone, so a resumed run draws what an uninterrupted
 * one does.
 */
export interface Random {
  /** `count` values uniform in [low, high). */
  uniform(count: number, low: number, high: number): Float32Array;
  /** `count` values of the normal distribution (Box-Muller). */
  normal(count: number, mean: number, deviation: number): Float32Array;
  /** `count` integers in [0, bound). */
  integers(count: number, bound: number): Int32Array;
  /** A permutation of 0..count-1 (Fisher-Yates). */
  permutation(count: number): Int32Array;
  /** Fills `out` with `1 / (1 - rate)` at probability 1 − rate (in steps of 2⁻¹⁶), else with 0. */
  dropout(out: Float32Array, rate: number): void;
}

/**
 * Fills `out` with random 32-bit words of the stream (key0, key1), two for each counter from `first` on. The
 * twenty rounds are written out, which is four times as fast as a loop.
 */
export function threefry(key0: number, key1: number, out: Uint32Array, first = 0): void {
  const key2 = key0 ^ key1 ^ 0x1bd11bda;
  for (let i = 0; i < out.length; i += 2) {
    let a = (first + (i >>> 1) + key0) | 0;
    let b = key1 | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key1) | 0;
    b = (b + key2 + 1) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + key2) | 0;
    b = (b + key0 + 2) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key0) | 0;
    b = (b + key1 + 3) | 0;
    a = (a + b) | 0;
    b = ((b << 17) | (b >>> 15)) ^ a;
    a = (a + b) | 0;
    b = ((b << 29) | (b >>> 3)) ^ a;
    a = (a + b) | 0;
    b = ((b << 16) | (b >>> 16)) ^ a;
    a = (a + b) | 0;
    b = ((b << 24) | (b >>> 8)) ^ a;
    a = (a + key1) | 0;
    b = (b + key2 + 4) | 0;
    a = (a + b) | 0;
    b = ((b << 13) | (b >>> 19)) ^ a;
    a = (a + b) | 0;
    b = ((b << 15) | (b >>> 17)) ^ a;
    a = (a + b) | 0;
    b = ((b << 26) | (b >>> 6)) ^ a;
    a = (a + b) | 0;
    b = ((b << 6) | (b >>> 26)) ^ a;
    a = (a + key2) | 0;
    b = (b + key0 + 5) | 0;
    out[i] = a;
    out[i + 1] = b;
  }
}

/** Words that are made at once: they stay in the processor's cache. */
const BLOCK = 1024;

/** Gives the FNV-1a hash of a text's UTF-16 code units, started at `basis`. */
export function fnv1a(text: string, basis: number): number {
  let hash = basis;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/**
 * Gives the stream `name` of a seed. Each call of a drawing function starts at the stream's first value, so
 * separate draws need separate names.
 */
export function randomStream(seed: number, name: string): Random {
  const key = new Uint32Array(2);
  threefry(seed | 0, fnv1a(name, 0x811c9dc5 | 0), key);
  threefry(key[0]! | 0, key[1]! ^ fnv1a(name, 0x9747b28c | 0), key);
  const words = (count: number): Uint32Array => {
    const out = new Uint32Array(count);
    threefry(key[0]! | 0, key[1]! | 0, out);
    return out;
  };
  return {
    uniform(count, low, high) {
      const out = new Float32Array(count);
      const bits = words(count);
      for (let i = 0; i < count; i++) out[i] = low + (high - low) * ((bits[i]! >>> 8) / 16777216);
      return out;
    },
    normal(count, mean, deviation) {
      const out = new Float32Array(count);
      const some = new Uint32Array(BLOCK);
      const signed = new Int32Array(some.buffer);
      for (let start = 0; start < count; start += BLOCK) {
        threefry(key[0]! | 0, key[1]! | 0, some, start / 2);
        fillNormal(out.subarray(start, start + BLOCK), signed, mean, deviation);
      }
      return out;
    },
    integers(count, bound) {
      return Int32Array.from(words(count), (word) => Math.floor((word / 4294967296) * bound));
    },
    permutation(count) {
      const out = Int32Array.from({ length: count }, (_, i) => i);
      const bits = words(count);
      for (let i = count - 1; i > 0; i--) {
        const j = Math.floor((bits[i]! / 4294967296) * (i + 1));
        const kept = out[i]!;
        out[i] = out[j]!;
        out[j] = kept;
      }
      return out;
    },
    dropout(out, rate) {
      const limit = Math.round(rate * 65536);
      const kept = 1 / (1 - rate);
      const some = new Uint32Array(BLOCK);
      const halves = new Uint16Array(some.buffer);
      for (let start = 0; start < out.length; start += halves.length) {
        threefry(key[0]! | 0, key[1]! | 0, some, start / 4);
        const count = Math.min(halves.length, out.length - start);
        for (let i = 0; i < count; i++) out[start + i] = kept * Number(halves[i]! >= limit);
      }
    },
  };
}
