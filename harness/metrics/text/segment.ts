/** A system's output for one instance and what people wrote for the same instance. */
export interface Segment {
  readonly prediction: string;
  readonly references: readonly string[];
}

/** A segment as a tokeniser leaves it. */
export interface TokenSegment {
  readonly prediction: readonly string[];
  readonly references: readonly (readonly string[])[];
}

/** Applies one tokeniser to all texts of the segments. */
export function tokenise(segments: readonly Segment[], tokens: (text: string) => string[]): TokenSegment[] {
  return segments.map(({ prediction, references }) => ({
    prediction: tokens(prediction),
    references: references.map(tokens),
  }));
}
