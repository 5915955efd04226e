/** Chooses how answers are judged, and reads the prompts and reference answers that this needs. */
import { join } from 'node:path';
import type { DataSource } from '../../data/examples/task.ts';
import { alpacaEvalJudging } from '../../judging/alpaca-eval.ts';
import { alpacaTemplate } from '../../judging/alpaca-prompt.ts';
import type { AnswerSet, Judging } from '../../judging/judging.ts';
import { pairwiseJudging } from '../../judging/mt-bench-pairwise.ts';
import { readJudgePrompts, type JudgePrompts } from '../../judging/mt-bench-prompts.ts';
import { singleJudging } from '../../judging/mt-bench-single.ts';
import { cacheFolder } from '../../support/cache-folder.ts';
import { UsageError } from '../../support/errors.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import { isFile, readBytes } from '../../support/read-files.ts';
import type { OpenAnswers } from './open-answers.ts';

/** How answers are judged, what they are compared with, and the hash of reference answers that the judge sees. */
export interface FoundJudging {
  readonly judging: Judging;
  readonly other: AnswerSet | undefined;
  readonly references: string | null;
}

/** Throws UsageError where prompts are missing or the records are of different questions. */
export async function findJudging(
  own: OpenAnswers,
  against: OpenAnswers | undefined,
  source: DataSource,
): Promise<FoundJudging> {
  if (against) checkSame(own, against);
  if (own.evaluation.name === 'alpaca-eval') {
    const template = await alpacaTemplate(source, cacheFolder());
    if (template === undefined)
      throw new UsageError(
        'The prompt of AlpacaEval\'s judge is not here; "bench fetch alpaca-eval" brings it.',
      );
    const other = against?.answers ?? referenceAnswers(own);
    return { judging: alpacaEvalJudging(own, other, template), other, references: null };
  }
  const prompts = await judgePrompts(source, against ? 'pair' : 'single');
  const references = hashJson(own.questions.map(({ id, reference }) => [id, reference?.turns ?? null]));
  if (!against) return { judging: singleJudging(own, prompts), other: undefined, references };
  return { judging: pairwiseJudging(own, against.answers, prompts), other: against.answers, references };
}

function checkSame(own: OpenAnswers, against: OpenAnswers): void {
  const missing = own.questions.find(({ id }) => !against.answers.turns.has(id));
  if (own.evaluation.name === against.evaluation.name && !missing) return;
  const which = missing ? `has no answer to question ${missing.id}` : `is of ${against.evaluation.name}`;
  throw new UsageError(`--against ${against.path} ${which}; give answers to the same questions.`);
}

/** The answers of the benchmark's own reference model. */
function referenceAnswers({ questions }: OpenAnswers): AnswerSet {
  const turns = new Map(questions.map(({ id, reference }) => [id, reference!.turns]));
  return { model: questions[0]!.reference!.model, turns };
}

const promptFiles = ['judge_prompts.jsonl', 'mt_bench/judge_prompts.jsonl'];

async function judgePrompts(source: DataSource, mode: 'single' | 'pair'): Promise<JudgePrompts> {
  const folder = source.kind === 'folder' ? source.path : '';
  for (const file of promptFiles) {
    const path = join(folder, file);
    if (folder !== '' && (await isFile(path)))
      return readJudgePrompts(String(await readBytes(path)), path, mode);
  }
  throw new UsageError(
    `${folder === '' ? 'The hub' : folder} has no judge_prompts.jsonl, FastChat's prompts of MT-Bench's judge: ` +
      'give the folder fastchat/llm_judge/data of github.com/lm-sys/FastChat with --data DIR.',
  );
}
