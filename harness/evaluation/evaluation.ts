/**
 * What an evaluation of a language model is: a file in evaluations/ says how a benchmark's rows are asked, and this folder
 * scores a base or an adapter with it, without any training. Definitions are those of lm-evaluation-harness 0.4.13 unless
 * a protocol says otherwise.
 */
import type { FetchOptions } from '../data/hub/connection.ts';
import type { DataSource } from '../data/examples/task.ts';
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { Request } from './likelihoods/token-tree.ts';

/**
 * Whose rules hold: `lm-eval` lm-evaluation-harness 0.4.13; `lm-eval-2024` its state of January 2024, which puts no BOS before
 * a prompt; `red` the edited copy of that state that the RED paper's tables came from; `pyreft` and `llm-adapters` the
 * programs of the ReFT paper and of LLM-Adapters, whose models write their answers.
 */
export const evaluationProtocols = ['lm-eval', 'lm-eval-2024', 'red', 'pyreft', 'llm-adapters'] as const;
export type EvaluationProtocol = (typeof evaluationProtocols)[number];

/** Whether the tokenizer's special tokens stand before prompts, such as Llama's BOS. */
export function hasSpecialTokens(protocol: EvaluationProtocol): boolean {
  return protocol !== 'red' && protocol !== 'lm-eval-2024';
}

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

/** A question that a model answers by a text of its own. */
export interface TextDocument {
  /** Question and answer, as they stand before other questions. */
  readonly example: string;
  /** The question, which stands behind the description and the examples. */
  readonly prompt: string;
  /** The right answer as the data has it. */
  readonly gold: string;
}

/** The rows of an evaluation as documents, in file order. */
export interface EvaluationData<Document = ChoiceDocument> {
  /** Where they were read: `hub`, `folder`, `built-in`. */
  readonly form: string;
  /** Sha256 over their content. */
  readonly hash: string;
  readonly documents: readonly Document[];
  /** What examples are taken from; empty where none are wanted. */
  readonly pool: readonly Document[];
}

export interface LoadRequest extends FetchOptions {
  readonly source: DataSource;
  readonly protocol: EvaluationProtocol;
  /** Whether the pool is read. */
  readonly needsPool: boolean;
}

/** A benchmark: a file in evaluations/ exports it as default under its file's name, or a list of its parts. */
export type Evaluation = ChoiceEvaluation | TextEvaluation;

interface EvaluationBase<Document> {
  /** Lower-case words joined by hyphens: lm-eval's name with hyphens for underscores. */
  readonly name: string;
  readonly label: string;
  /** Lm-eval's version of the task; scores of different versions are never mixed. */
  readonly version: number;
  /** Names that stand for several evaluations. */
  readonly groups?: readonly string[];
  /** What a group's mean is over: all documents of its parts, where absent, or its parts. */
  readonly groupMean?: 'parts';
  /** The protocols that it knows, and how many examples each puts before a document where the caller does not say. */
  readonly shots: Readonly<Partial<Record<EvaluationProtocol, number>>>;
  /** Whether its prompt takes no other number of examples. */
  readonly fixedShots?: true;
  /**
   * Which of the pool stand before a document: `drawn` anew for each document; `drawn-beside` where the pool is the
   * documents' own split as far as lm-eval knows, so that one more is drawn and the document itself left out; the `first`.
   */
  readonly examples: 'drawn' | 'drawn-beside' | 'first';
  /** Stands before everything. */
  readonly description?: string;
  /** Throws UsageError where data is missing or malformed. */
  load(request: LoadRequest): Promise<EvaluationData<Document>>;
}

/** A benchmark whose answers are chosen by their log-likelihoods. */
export interface ChoiceEvaluation extends EvaluationBase<ChoiceDocument> {
  readonly kind: 'choices';
  /** The first is the one that the field prints. */
  readonly measures: readonly [Measure, ...Measure[]];
  /** How its texts become tokens, where that is not lm-eval's way. */
  readonly encode?: (
    tokenizer: Tokenizer,
    alternatives: readonly Alternative[],
    protocol: EvaluationProtocol,
  ) => Request[];
}

/** A benchmark whose answers are read out of generated texts. */
export interface TextEvaluation extends EvaluationBase<TextDocument> {
  readonly kind: 'text';
  /** Names of the ways in which answers are read; the first is the one that the field prints. */
  readonly measures: readonly [string, ...string[]];
  /** How texts are generated; a function, since protocols differ. */
  decoding(protocol: EvaluationProtocol): TextDecoding;
  /** What a text answers by each measure. */
  read(
    written: WrittenText,
    document: TextDocument,
    protocol: EvaluationProtocol,
  ): Readonly<Record<string, Reading>>;
}

/** How the texts of an evaluation are generated. */
export interface TextDecoding {
  readonly maxNewTokens: number;
  /** Absent is greedy. */
  readonly beams?: number;
  /** Strings that end a text, which is cut before them; the tokenizer's end token ends it in any case. */
  readonly stops: readonly string[];
  /** Tokens that a prompt keeps from its start; where absent it keeps those at its end that leave room for the answer. */
  readonly promptLength?: number;
}

/** A prompt and what a model wrote behind it. */
export interface WrittenText {
  /** Prompt and text as the tokenizer decodes them together, without special tokens. */
  readonly whole: string;
  /** The text alone, cut before the first stop string. */
  readonly text: string;
}

/** What a text answers. */
export interface Reading {
  /** As it is compared with the right answer; absent where the text has none that can be read. */
  readonly answer?: string;
  readonly isRight: boolean;
}

/** Types an evaluation by choices; the identity otherwise. */
export function defineEvaluation(evaluation: ChoiceEvaluation): ChoiceEvaluation {
  return evaluation;
}

/** Types an evaluation by generated texts; the identity otherwise. */
export function defineTextEvaluation(evaluation: TextEvaluation): TextEvaluation {
  return evaluation;
}
