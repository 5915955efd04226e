/**
 * The random permutations of torch (`torch.randperm` with a seeded generator on the CPU), by which peft's
 * FourierFT chooses its frequencies; its files hold the seed alone.
 */
import { twisterOf } from './mersenne-twister.ts';

/**
 * The first `count` entries of the permutation of 0..length−1 that torch draws from a generator with this
 * seed; throws RangeError above the length from which torch draws otherwise.
 */
export function torchPermutation(seed: number, length: number, count: number): Int32Array {
  if (length >= Math.floor((2 ** 32 - 1) / 20)) {
    throw new RangeError(`a permutation of ${length} numbers is drawn by another rule, which is not built`);
  }
  const next = twisterOf(seed);
  /** Places whose number was exchanged. */
  const moved = new Map<number, number>();
  return Int32Array.from({ length: count }, (_, i) => {
    const other = i === length - 1 ? i : i + (next() % (length - i));
    const chosen = moved.get(other) ?? other;
    moved.set(other, moved.get(i) ?? i);
    return chosen;
  });
}
