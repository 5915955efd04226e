/** The next tokens that a program offers to a search, and the check that their logits were finite. */
import { NotFinite } from '../support/errors.ts';

/**
 * Throws NotFinite where the sum over a row's logits is not finite. Searches alone would not notice:
 * onnxruntime's maximum passes over a NaN that does not come first.
 */
export function checkSum(sum: number): void {
  if (Number.isFinite(sum)) return;
  throw new NotFinite(
    "the model's logits are not finite: look for NaN or very large numbers in the base's weights " +
      'and in what was trained',
  );
}

/** The best next tokens of one sequence, best first. */
export interface Candidates {
  readonly ids: Int32Array;
  readonly scores: Float32Array;
}
