/** The kinds of evaluations, and what work each is: the one place that a new kind is added to. */
import type { Evaluation, EvaluationData, LoadRequest } from '../../../evaluation/evaluation.ts';
import type { PromptOptions } from '../../../evaluation/prompts.ts';
import { answerWork } from './answer-work.ts';
import { choiceWork } from './choice-work.ts';
import type { Work } from './evaluation-work.ts';
import type { Subject } from '../subject.ts';
import { textWork } from './text-work.ts';

/** An evaluation whose data are read. */
export interface LoadedEvaluation {
  readonly form: string;
  readonly hash: string;
  /** The number of documents, before any limit. */
  readonly documents: number;
  /** Makes the prompts for a model; throws UsageError where they do not fit it. */
  work(subject: Subject, options: PromptOptions): Work<unknown>;
}

/** Reads the data of an evaluation; throws UsageError where they are missing or malformed. */
export async function loadEvaluation(
  evaluation: Evaluation,
  request: LoadRequest,
): Promise<LoadedEvaluation> {
  if (evaluation.kind === 'choices') {
    const data = await evaluation.load(request);
    return loaded(data, (subject, options) => choiceWork(evaluation, data, subject, options));
  }
  if (evaluation.kind === 'answers') {
    const data = await evaluation.load(request);
    return loaded(data, (subject, options) => answerWork(evaluation, data, subject, options));
  }
  const data = await evaluation.load(request);
  return loaded(data, (subject, options) => textWork(evaluation, data, subject, options));
}

const loaded = (
  { form, hash, documents }: EvaluationData<unknown>,
  work: LoadedEvaluation['work'],
): LoadedEvaluation => ({ form, hash, documents: documents.length, work });
