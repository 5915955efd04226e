/**
 * What an evaluation of a language model is: a file in evaluations/ says how a benchmark's rows are asked, and this folder
 * scores a base or an adapter with it, without any training. Definitions are those of lm-evaluation-harness 0.4.13 unless
 * a protocol says otherwise.
 */
import type { FetchOptions } from '../data/hub/connection.ts';
import type { DataSource } from '../data/examples/task.ts';
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { Request } from './likelihoods/token-tree.ts';

/** Whose rules hold: lm-evaluation-harness 0.4.13, or the edited version that the RED paper's tables came from. */
export const evaluationProtocols = ['lm-eval', 'red'] as const;
export type EvaluationProtocol = (typeof evaluationProtocols)[number];

/** A text and one way to go on, whose log-likelihood is asked for. */
export interface Alternative {
  /** What stands behind the description and the examples; ends without a space. */
  readonly context: string;
  /** Begins with the space that parts it from the context. */
  readonly continuation: string;
}

/** A question with its answers to choose from. */
export interface ChoiceDocument {
  /** Question and right answer, as it stands before other questions. */
  readonly example: string;
  readonly alternatives: readonly Alternative[];
  /** The place of the right alternative. */
  readonly gold: number;
  /** Which alternatives are true, where several may be. */
  readonly truths?: readonly boolean[];
}

/** How a score is made of a document's log-likelihoods; see measures.ts. */
export const measures = ['acc', 'acc_norm', 'mc2'] as const;
export type Measure = (typeof measures)[number];

/** The rows of an evaluation as documents, in file order. */
export interface EvaluationData {
  /** Where they were read: `hub`, `folder`, `built-in`. */
  readonly form: string;
  /** Sha256 over their content. */
  readonly hash: string;
  readonly documents: readonly ChoiceDocument[];
  /** What examples are taken from; empty where none are wanted. */
  readonly pool: readonly ChoiceDocument[];
}

export interface LoadRequest extends FetchOptions {
  readonly source: DataSource;
  readonly protocol: EvaluationProtocol;
  /** Whether the pool is read. */
  readonly needsPool: boolean;
}

/** A benchmark: a file in evaluations/ exports it as default under its file's name, or a list of its parts. */
export interface Evaluation {
  /** Lower-case words joined by hyphens: lm-eval's name with hyphens for underscores. */
  readonly name: string;
  readonly label: string;
  /** Lm-eval's version of the task; scores of different versions are never mixed. */
  readonly version: number;
  /** Names that stand for several evaluations, whose mean is that over all their documents. */
  readonly groups?: readonly string[];
  /** The first is the one that the field prints. */
  readonly measures: readonly [Measure, ...Measure[]];
  /** How many examples stand before a document where the caller does not say; 0 for all protocols where it is fixed at none. */
  readonly shots: Readonly<Record<EvaluationProtocol, number>> | 0;
  /**
   * Which of the pool stand before a document: `drawn` anew for each document; `drawn-beside` where the pool is the
   * documents' own split as far as lm-eval knows, so that one more is drawn and the document itself left out; the `first`.
   */
  readonly examples: 'drawn' | 'drawn-beside' | 'first';
  /** Stands before everything. */
  readonly description?: string;
  /** How its texts become tokens, where that is not lm-eval's way. */
  readonly encode?: (
    tokenizer: Tokenizer,
    alternatives: readonly Alternative[],
    protocol: EvaluationProtocol,
  ) => Request[];
  /** Throws UsageError where data is missing or malformed. */
  load(request: LoadRequest): Promise<EvaluationData>;
}

/** Types an evaluation's definition; the identity otherwise. */
export function defineEvaluation(evaluation: Evaluation): Evaluation {
  return evaluation;
}
