/**
 * What is common to the benchmarks that a model judges: the calls to the judge, what comes of its replies, and
 * the file in which the benchmark's own program keeps judgements. alpaca-eval.ts, mt-bench-single.ts and
 * mt-bench-pairwise.ts fill it in; runs/judge does the calls.
 */
import type { ChatMessage } from '../data/tokenizers/chat-template.ts';
import type { QuestionDocument } from '../evaluation/evaluation.ts';

/** The ways to judge: a preference between two answers, a rating of one, or a winner in both orders. */
export const judgingModes = ['alpaca-eval', 'mt-bench-single', 'mt-bench-pairwise'] as const;
export type JudgingMode = (typeof judgingModes)[number];

/** One question to the judge; `key` names it among all of its record. */
export interface JudgeCall {
  readonly key: string;
  readonly messages: readonly ChatMessage[];
}

/** The judge's text; undefined where the call failed for good. */
export type Reply = string | undefined;

/** The answers of one model to a benchmark's questions. */
export interface AnswerSet {
  readonly model: string;
  /** The answers by question's id, one a turn. */
  readonly turns: ReadonlyMap<number, readonly string[]>;
}

/** A verdict: a preference from 1 (the other model) to 2 (the judged one), a rating, or the winner. */
export type Verdict = number | 'model_1' | 'model_2' | 'tie';

/** A judgement of the answer to one turn. */
export interface Judgement {
  readonly id: number;
  readonly category: string;
  /** The number of the turn, which counts from 1. */
  readonly turn: number;
  /** Null where the judge's text holds none, or a call failed. */
  readonly verdict: Verdict | null;
  /** Whether a call failed for good, so that there is no text to read. */
  readonly isFailed: boolean;
  /** The judge's texts, in the order of the calls; empty where nothing had to be asked. */
  readonly texts: readonly string[];
  /** Whether the judged answer stood first, where one order was drawn. */
  readonly isFirst?: boolean;
  /** The verdicts of both orders, where both were asked; null where one has none. */
  readonly orders?: readonly [Order, Order];
}
export type Order = 'model_1' | 'model_2' | 'tie' | null;

/** The name of a judged turn among all of a benchmark. */
export const turnKey = ({ id, turn }: Pick<Judgement, 'id' | 'turn'>): string => `${id}/${turn}`;

/** A number over all judgements. */
export interface JudgedMetric {
  readonly name: string;
  readonly value: number;
  readonly standardError?: number | undefined;
}

/** How much the order of answers decides. */
export interface OrderBias {
  /** Judgements in which both orders, or the drawn order, have a verdict. */
  readonly judgements: number;
  /** The share of them whose winner stood first; with both orders asked, that each order's first one won. */
  readonly first: number;
  /** Likewise second. */
  readonly second: number;
  /** With a drawn order: the win rates (percent) of the judged model where it stood first and second. */
  readonly winRates?: readonly [number | null, number | null];
}

/** How a benchmark's answers are judged. */
export interface Judging {
  readonly mode: JudgingMode;
  /** The sha256 of the prompts' templates. */
  readonly prompts: string;
  /** Most tokens of a reply. */
  readonly maxTokens: number;
  readonly calls: readonly JudgeCall[];
  /** Reads the judge's replies, by the calls' keys. */
  judge(replies: ReadonlyMap<string, Reply>): Judgement[];
  /** Reads a file of judgements of these answers; throws UsageError where it holds none or another form. */
  recorded(text: string, where: string): Judgement[];
  metrics(judgements: readonly Judgement[]): JudgedMetric[];
  orderBias?(judgements: readonly Judgement[]): OrderBias;
  /** The class of a verdict when two judges are compared. */
  classOf(verdict: Verdict): string;
  /** Writes judgements as the benchmark's program reads them; `ending` is that of the file's name. */
  file(
    judgements: readonly Judgement[],
    judge: string,
    ended: Date,
  ): { readonly ending: string; readonly text: string };
}

/** The questions of a benchmark, and the answers that are judged. */
export interface JudgingInputs {
  readonly questions: readonly QuestionDocument[];
  readonly answers: AnswerSet;
}
