/** The kinds of evaluations, and what work each is: the one place that a new kind is added to. */
import type { Evaluation, EvaluationData, LoadRequest } from '../../../evaluation/evaluation.ts';
import { drawnExamples, type PromptOptions } from '../../../evaluation/prompts.ts';
import type { BaseModel } from '../../../models/base-model.ts';
import { answerWork } from './answer-work.ts';
import { choiceWork } from './choice-work.ts';
import type { Work, WorkOptions } from './evaluation-work.ts';
import type { Subject } from '../subject.ts';
import { roomForPrompt, textWork } from './text-work.ts';

/** An evaluation whose data are read. */
export interface LoadedEvaluation {
  readonly form: string;
  readonly hash: string;
  /** The number of documents, before any limit. */
  readonly documents: number;
  /**
   * Throws UsageError where there are fewer examples than shots, or a base that reads so many tokens has no
   * room for the texts that are to be written.
   */
  check(base: Pick<BaseModel, 'id' | 'architecture'>, options: PromptOptions): void;
  /** Makes the prompts for a model; throws UsageError where they do not fit it. */
  work(subject: Subject, options: WorkOptions): Work<unknown>;
}

/** Reads the data of an evaluation; throws UsageError where they are missing or malformed. */
export async function loadEvaluation(
  evaluation: Evaluation,
  request: LoadRequest,
): Promise<LoadedEvaluation> {
  if (evaluation.kind === 'choices') {
    const data = await evaluation.load(request);
    return loaded(evaluation, data, (subject, options) => choiceWork(evaluation, data, subject, options));
  }
  if (evaluation.kind === 'answers') {
    const data = await evaluation.load(request);
    return loaded(evaluation, data, (subject, options) => answerWork(evaluation, data, subject, options));
  }
  const data = await evaluation.load(request);
  return loaded(evaluation, data, (subject, options) => textWork(evaluation, data, subject, options));
}

const loaded = (
  evaluation: Evaluation,
  { form, hash, documents, pool }: EvaluationData<unknown>,
  work: LoadedEvaluation['work'],
): LoadedEvaluation => ({
  form,
  hash,
  documents: documents.length,
  check({ id, architecture }, { protocol, shots }) {
    drawnExamples(evaluation, pool.length, shots);
    if (evaluation.kind === 'text') roomForPrompt(evaluation, protocol, id, architecture.positions);
  },
  work,
});
