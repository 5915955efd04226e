/** The unit that metrics of text score. */

/** A system's output for one instance, and the references that people wrote for it. */
export interface Segment {
  readonly prediction: string;
  readonly references: readonly string[];
}

/** A segment split into tokens. */
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
