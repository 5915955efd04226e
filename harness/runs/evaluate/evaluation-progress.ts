/**
 * How far evaluations are, by the tokens that a model has to compute: documents differ too much in length to
 * tell the time that is left. evaluate.ts uses it.
 */
import { sum } from '../../support/numbers/arithmetic.ts';

/** How far one evaluation is. */
export interface PieceProgress {
  /** Documents that have an outcome. */
  readonly documents: number;
  /** The tokens that were computed for them. */
  readonly tokens: number;
  /** The tokens of all its documents. */
  readonly allTokens: number;
}

/** An evaluation with so many documents, and how far it is if it has begun. */
export interface CountedPiece {
  readonly documents: number;
  readonly progress: PieceProgress | undefined;
}

/**
 * The share of the tokens of all evaluations that were computed, 0 to 1. What has not begun is not encoded yet:
 * it is taken to have as many tokens a document as what has begun.
 */
export function shareDone(pieces: readonly CountedPiece[]): number {
  const begun = pieces.filter(({ progress }) => progress !== undefined);
  const documentsOf = (some: readonly CountedPiece[]): number => sum(some.map(({ documents }) => documents));
  const known = sum(begun.map(({ progress }) => progress!.allTokens));
  if (known === 0) return 0;
  const all = (known * documentsOf(pieces)) / documentsOf(begun);
  return sum(begun.map(({ progress }) => progress!.tokens)) / all;
}
