/**
 * The interface of evaluations: a file in evaluations/ defines how a benchmark's rows become prompts, and
 * runs/evaluate scores a base or an adapter on them, without any training. Definitions are those of
 * lm-evaluation-harness 0.4.13 unless a protocol says otherwise.
 */
import type { FetchOptions } from '../data/hub/connection.ts';
import type { DataSource } from '../data/examples/task.ts';
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { Request } from './likelihoods/token-tree.ts';

/**
 * The program whose rules hold. `lm-eval`: lm-evaluation-harness 0.4.13. `lm-eval-2024`: its state of January
 * 2024, which puts no BOS before a prompt. `red`: the edited copy of that state that the RED paper's tables
 * came from. `pyreft` and `llm-adapters`: the programs of the ReFT paper and of LLM-Adapters, whose models
 * write their answers.
 */
export const evaluationProtocols = ['lm-eval', 'lm-eval-2024', 'red', 'pyreft', 'llm-adapters'] as const;
export type EvaluationProtocol = (typeof evaluationProtocols)[number];

/** Whether prompts begin with the tokenizer's special tokens, such as Llama's BOS. */
export function hasSpecialTokens(protocol: EvaluationProtocol): boolean {
  return protocol !== 'red' && protocol !== 'lm-eval-2024';
}

/** A text and one continuation of it, whose log-likelihood is computed. */
export interface Alternative {
  /** The text after description and examples; it ends without a space. */
  readonly context: string;
  /** Begins with the space that separates it from the context. */
  readonly continuation: string;
}

/** A question with its right answer, as they stand before other questions: with a space between them. */
export interface Example {
  readonly question: string;
  readonly answer: string;
}

/** A question with its answers to choose from. */
export interface ChoiceDocument {
  readonly example: Example;
  readonly alternatives: readonly Alternative[];
  /** The index of the right alternative. */
  readonly gold: number;
  /** Which alternatives are true, where several may be. */
  readonly truths?: readonly boolean[];
}

/** The ways to score a document from its log-likelihoods; measures.ts computes them. */
export const measures = ['acc', 'acc_norm', 'mc2'] as const;
export type Measure = (typeof measures)[number];

/** A question that a model answers by generating a text. */
export interface TextDocument {
  readonly example: Example;
  /** The question, which follows description and examples. */
  readonly prompt: string;
  /** The right answer as it is in the data. */
  readonly gold: string;
}

/** A conversation whose answers are judged: the user's turns, and what a judge compares the answers with. */
export interface QuestionDocument {
  /** The question's number or place in its file, as the benchmark's own files name it. */
  readonly id: number;
  /** The part of the benchmark that the question is of. */
  readonly category: string;
  readonly turns: readonly string[];
  /** The answers of another model, by turn; absent where the data has none for this question. */
  readonly reference?: { readonly model: string; readonly turns: readonly string[] };
}

/** The rows of an evaluation as documents, in file order. */
export interface EvaluationData<Document = ChoiceDocument> {
  /** Where the rows were read: `hub`, `folder` or `built-in`. */
  readonly form: string;
  /** The sha256 of the files. */
  readonly hash: string;
  readonly documents: readonly Document[];
  /** The documents that examples are taken from; empty where no examples are asked for. */
  readonly pool: readonly Document[];
  /**
   * Whether a document and one of the pool are the same row of the data, by their indices; absent, equal
   * documents are.
   */
  readonly isSameRow?: (document: number, example: number) => boolean;
}

/** A request for the rows of an evaluation. */
export interface LoadRequest extends FetchOptions {
  readonly source: DataSource;
  readonly protocol: EvaluationProtocol;
  /** Whether the pool is read. */
  readonly needsPool: boolean;
}

/**
 * A benchmark. A file in evaluations/ exports it as default, under the file's name, or exports the list of
 * its parts.
 */
export type Evaluation = ChoiceEvaluation | TextEvaluation | AnswerEvaluation;

interface EvaluationBase<Document> {
  /** Lm-eval's name, with hyphens for underscores. */
  readonly name: string;
  readonly label: string;
  /** Lm-eval's version of the task; scores of different versions are never mixed. */
  readonly version: number;
  /** Where its data may lie; `built-in` comes first where those are its own, last where they only rehearse. */
  readonly sources: readonly DataSource['kind'][];
  /** Names that stand for several evaluations. */
  readonly groups?: readonly string[];
  /** `parts`: a group's mean is over the means of its parts; absent, over all their documents. */
  readonly groupMean?: 'parts';
  /** The protocols that it supports, each with its default number of examples before a document. */
  readonly shots: Readonly<Partial<Record<EvaluationProtocol, number>>>;
  /** Whether the number of examples is fixed. */
  readonly fixedShots?: true;
  /**
   * Which of the pool precede a document. `drawn`: drawn anew for each document. `drawn-beside`: likewise,
   * but one more is drawn and the document itself left out, since lm-eval takes pool and documents for one
   * split. `first`: the first ones.
   */
  readonly examples: 'drawn' | 'drawn-beside' | 'first';
  /** The text before examples and document. */
  readonly description?: string;
  /** Throws UsageError where data is missing or malformed. */
  load(request: LoadRequest): Promise<EvaluationData<Document>>;
}

/** A benchmark whose answers are chosen by their log-likelihoods. */
export interface ChoiceEvaluation extends EvaluationBase<ChoiceDocument> {
  readonly kind: 'choices';
  /** The first is the one that papers print. */
  readonly measures: readonly [Measure, ...Measure[]];
  /** Encodes its texts, where that is not done as lm-eval does it. */
  readonly encode?: (
    tokenizer: Tokenizer,
    alternatives: readonly Alternative[],
    protocol: EvaluationProtocol,
  ) => Request[];
}

/** A benchmark whose answers are read out of generated texts. */
export interface TextEvaluation extends EvaluationBase<TextDocument> {
  readonly kind: 'text';
  /** Names of the ways to read an answer; the first is the one that papers print. */
  readonly measures: readonly [string, ...string[]];
  /** How a protocol generates texts. */
  decoding(protocol: EvaluationProtocol): TextDecoding;
  /** Reads a text's answer, by each measure. */
  read(
    written: WrittenText,
    document: TextDocument,
    protocol: EvaluationProtocol,
  ): Readonly<Record<string, Reading>>;
}

/** A benchmark whose answers `bench judge` lets another model judge; the answers alone have no score. */
export interface AnswerEvaluation extends EvaluationBase<QuestionDocument> {
  readonly kind: 'answers';
  readonly measures: readonly [];
  /** How a protocol writes answers. */
  writing(protocol: EvaluationProtocol): Writing;
  /** Writes all answers as the benchmark's own program reads them; `ending` is that of the file's name. */
  answersFile(
    answers: readonly Answered[],
    about: AnswersAbout,
  ): { readonly ending: string; readonly text: string };
}

/** How the answers of an evaluation are generated. */
export interface Writing {
  /** The text before an answer; a chat template takes its place where one is asked for. */
  prompt(messages: readonly ChatMessage[]): string;
  /** Whether the tokenizer puts its special tokens around the prompt. */
  readonly specialTokens: boolean;
  readonly maxNewTokens: number;
  /** Most tokens of prompt and answer together; the base's window where absent. */
  readonly maxLength?: number;
  /** Strings before which an answer ends; the tokenizer's end token ends it in any case. */
  readonly stops: readonly string[];
  readonly repetitionPenalty?: number;
  readonly noRepeatNgram?: number;
  /** Tokens are drawn with this temperature from the `topK` best; greedy where it is 0. */
  temperature(document: QuestionDocument): number;
  readonly topK?: number;
  /** Cuts the answer out of what was generated. */
  read(written: WrittenText, prompt: string): string;
}

/** A question with the answers to its turns. */
export interface Answered {
  readonly document: QuestionDocument;
  readonly turns: readonly string[];
}

/** The model that wrote the answers of a file, and the time. */
export interface AnswersAbout {
  readonly model: string;
  readonly ended: Date;
}

/** How the texts of an evaluation are generated. */
export interface TextDecoding {
  readonly maxNewTokens: number;
  /** Greedy where absent. */
  readonly beams?: number;
  /** Strings that end a text and are cut off; the tokenizer's end token ends it in any case. */
  readonly stops: readonly string[];
  /**
   * The number of tokens that a prompt keeps from its start. Absent, it keeps its last ones, with room left
   * for the answer.
   */
  readonly promptLength?: number;
  /** Whether texts are read with their special tokens spelt out, the end token among them. */
  readonly keepsSpecialTokens?: boolean;
}

/** A text that a model generated after a prompt. */
export interface WrittenText {
  /** Prompt and text as the tokenizer decodes them together; special tokens are left out unless decoding keeps them. */
  readonly whole: string;
  /** The generated text alone, cut before the first stop string. */
  readonly text: string;
}

/** The answer that was read out of a text. */
export interface Reading {
  /** The answer in the form that is compared with the right one; absent where the text has none. */
  readonly answer?: string;
  readonly isRight: boolean;
}

/** The requests of a document, and its right answer. */
export interface AskedDocument {
  /** A context and a continuation each, or a prompt and how its text is generated. */
  readonly arguments: readonly (readonly [string, string | object])[];
  /** The place of the right choice, or the right answer. */
  readonly target: string | number;
}

/** Gives an evaluation by choices its type; returns it as it is. */
export function defineEvaluation(evaluation: ChoiceEvaluation): ChoiceEvaluation {
  return evaluation;
}

/** Gives an evaluation by judged answers its type; returns it as it is. */
export function defineAnswerEvaluation(evaluation: AnswerEvaluation): AnswerEvaluation {
  return evaluation;
}

/** Gives an evaluation by generated texts its type; returns it as it is. */
export function defineTextEvaluation(evaluation: TextEvaluation): TextEvaluation {
  return evaluation;
}
