import type { ChoiceEvaluation } from '../../harness/evaluation/evaluation.ts';
import { loadEvaluations } from '../../harness/runs/plan/load-plugins.ts';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Folder of data sets and of `eval-golden`: numbers of lm-eval 0.4.13 (see its README). */
export const dataFolder = process.env.DELTABENCH_DATA ?? '';
export const hasGolden = existsSync(join(dataFolder, 'eval-golden'));

export const golden = (name: string): unknown =>
  JSON.parse(readFileSync(join(dataFolder, 'eval-golden', `${name}.json`), 'utf8'));

export const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex');

/** An evaluation by choices of those in evaluations/. */
export async function choiceEvaluation(name: string): Promise<ChoiceEvaluation> {
  const evaluation = (await loadEvaluations()).get(name);
  if (evaluation?.kind !== 'choices') throw new Error(`${name} is no evaluation by choices`);
  return evaluation;
}
