import { sum } from '../../support/arithmetic.ts';
/**
 * How many tokens of a text, or of each of two, are kept so that together they are at most `limit`: the
 * longer one is cut,
 * and where both are too long each gets half, as Hugging Face tokenizers do (longest first).
 */
export function truncatedLengths(lengths: readonly number[], limit: number): number[] {
  const total = sum(lengths);
  if (total <= limit) return [...lengths];
  if (lengths.length === 1) return [limit];
  const shorter = Math.min(...lengths);
  if (shorter > limit / 2) {
    // The odd token goes to the longer one, to the second of two equal ones.
    const half = Math.floor(limit / 2);
    return lengths[0]! > lengths[1]! ? [limit - half, half] : [half, limit - half];
  }
  return lengths.map((n) => (n === shorter ? n : limit - shorter));
}
