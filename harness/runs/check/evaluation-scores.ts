/** The scores of built-in evaluations on a built-in base, which the gate holds: likelihoods, prompts and measures. */
import { meanOf } from '../../evaluation/measures.ts';
import { InProcess } from '../evaluate/evaluation-executor.ts';
import { planEvaluations, type EvaluationPiece } from '../evaluate/plan-evaluations.ts';
import type { Documents, EvaluatedModel, Work } from '../evaluate/work/evaluation-work.ts';
import type { Scores } from './measures.ts';

const MODEL = 'llama-mini';
const TASKS = ['restaurants~limit=40', 'everyday-choices~limit=40'];

/** Evaluates the built-in base, by `<evaluation> <measure>`; no record is written. */
export async function scoreEvaluations(): Promise<Scores> {
  const request = { subjects: [{ model: MODEL }], tasks: TASKS, engine: 'onnx', threads: 1, results: '' };
  const plan = await planEvaluations({ ...request, data: 'built-in' });
  const executor = new InProcess(plan.engine, false);
  try {
    const scores: [string, number][] = [];
    for (const piece of plan.pieces) {
      const { subject, model } = await executor.load(piece.subject);
      scores.push(...(await scoresOf(piece, piece.loaded.work(subject, piece.prompts), model)));
    }
    return Object.fromEntries(scores);
  } finally {
    await executor.close();
  }
}

async function scoresOf(
  { chosen }: EvaluationPiece,
  work: Work<unknown>,
  model: EvaluatedModel,
): Promise<[string, number][]> {
  const outcomes = new Map<number, unknown>();
  const documents: Documents<unknown> = {
    missing: Array.from({ length: work.documents }, (_, document) => document),
    isDone: (document) => outcomes.has(document),
    outcomeOf: (document) => outcomes.get(document),
    keep(document, outcome) {
      outcomes.set(document, outcome);
      return Promise.resolve();
    },
  };
  await work.compute(documents, model, new AbortController().signal);
  const judged = [...outcomes].map(([document, outcome]) => work.judge(outcome, document).scores);
  return work.measures.map((measure, place) => [
    `${chosen.evaluation.name} ${measure}`,
    meanOf(judged.map((own) => own[place]!)).value,
  ]);
}
