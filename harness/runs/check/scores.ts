/** The part of the gate that trains nothing: the metrics of fixed predictions, and evaluations of a built-in base. */
import { corpusValues, e2eScorer } from '../../metrics/e2e-scorer.ts';
import { loadTasks } from '../plan/load-plugins.ts';
import { parseProtocol } from '../../papers/protocol.ts';
import { scoreEvaluations } from './evaluation-scores.ts';
import type { Scores } from './measures.ts';
import { classes, values, writtenTexts } from './predictions.ts';

/** Computes all scores of the gate, by `<task> <metric>`. */
export async function scoreAll(): Promise<Scores> {
  return { ...(await scorePredictions()), ...(await scoreEvaluations()) };
}

/** Computes every metric of fixed predictions, by `<task> <metric>`. */
async function scorePredictions(): Promise<Scores> {
  const scores: [string, number][] = [];
  const add = (task: string, metrics: object): void => {
    for (const [metric, value] of Object.entries(metrics))
      scores.push([`${task} ${metric}`, value as number]);
  };
  // Without METEOR's paraphrase table, which is not on every machine.
  const scorer = e2eScorer(writtenTexts.map(({ references }) => references));
  add('e2e', corpusValues(scorer.score(writtenTexts.map(({ prediction }) => prediction))));
  const draw = { seed: 42, family: 'roberta', side: parseProtocol([]).side };
  for (const task of (await loadTasks()).values()) {
    if (task.kind !== 'label') continue;
    const count = task.classes?.length;
    const { predictions, labels } = count === undefined ? values : classes;
    const within = (all: readonly number[]) => (count === undefined ? all : all.map((n) => n % count));
    add(task.name, task.score(within(predictions), within(labels), draw));
  }
  return Object.fromEntries(scores);
}
