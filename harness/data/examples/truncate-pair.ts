/**
 * How many tokens of one or two texts fit under a limit; `encodePair` and `encodeLabelled` cut texts by it.
 */
import { sum } from '../../support/numbers/arithmetic.ts';
/**
 * Returns how many tokens of each text (one or two) are kept, so that their sum is at most `limit`. The
 * longer text is cut; if each is longer than half the limit, each keeps half (Hugging Face's "longest
 * first").
 */
export function truncatedLengths(lengths: readonly number[], limit: number): number[] {
  const total = sum(lengths);
  if (total <= limit) return [...lengths];
  if (lengths.length === 1) return [limit];
  const shorter = Math.min(...lengths);
  if (shorter > limit / 2) {
    // The odd token goes to the longer text, or to the second of two equally long ones.
    const half = Math.floor(limit / 2);
    return lengths[0]! > lengths[1]! ? [limit - half, half] : [half, limit - half];
  }
  return lengths.map((n) => (n === shorter ? n : limit - shorter));
}
