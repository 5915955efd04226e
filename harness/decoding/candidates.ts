/** A model's outputs are not finite: its weights are not, or what is computed of them passes float32. */
export class NotFinite extends Error {
  override readonly name = 'NotFinite';
}

/**
 * Throws NotFinite where the sum that belongs to a row's logits is not finite, so that one of them is not: a maximum passes
 * over a NaN that does not come first, in onnxruntime, and so does a search.
 */
export function checkSum(sum: number): void {
  if (Number.isFinite(sum)) return;
  throw new NotFinite(
    "the model's logits are not finite: look for NaN or very large numbers in the base's weights and in what was trained",
  );
}

/** The best next tokens of one sequence, best first. */
export interface Candidates {
  readonly ids: Int32Array;
  readonly scores: Float32Array;
}
