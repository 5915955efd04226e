/** Opens answers that `bench eval` wrote, with the questions of their benchmark. */
import type { FetchOptions } from '../../data/hub/connection.ts';
import type { DataSource } from '../../data/examples/task.ts';
import type { AnswerEvaluation, QuestionDocument } from '../../evaluation/evaluation.ts';
import type { AnswerSet } from '../../judging/judging.ts';
import type { EvaluationRecord } from '../../records/evaluation-record.ts';
import { readEvaluation, readSamples } from '../../records/read-evaluations.ts';
import { UsageError } from '../../support/errors.ts';
import { z } from 'zod';
import { loadEvaluations } from '../plan/load-plugins.ts';

/** Answers, their record and their questions. */
export interface OpenAnswers {
  readonly path: string;
  readonly record: EvaluationRecord;
  readonly evaluation: AnswerEvaluation;
  readonly questions: readonly QuestionDocument[];
  readonly answers: AnswerSet;
}

const sampleSchema = z.looseObject({ id: z.int(), answers: z.array(z.string()).min(1) });

/**
 * Opens the answers of a record; throws UsageError where it holds none, or the data is not that which the model
 * answered.
 */
export async function openAnswers(
  path: string,
  source: DataSource,
  options: FetchOptions,
): Promise<OpenAnswers> {
  const record = await readEvaluation(path);
  if (!record) throw new UsageError(`${path}: there is no such file.`);
  const { name, version } = record.settings.evaluation;
  const evaluation = (await loadEvaluations()).get(name);
  const written = record.files.answers;
  if (evaluation?.kind !== 'answers' || !written)
    throw new UsageError(
      `${path} is a record of ${name} without answers to judge; "bench eval --tasks alpaca-eval mt-bench" writes some.`,
    );
  const { protocol, data } = record.settings;
  // Questions that deltabench makes are in no folder; that of --data has the judge's prompts then.
  const asked: DataSource = data.form === 'built-in' ? { kind: 'built-in' } : source;
  const loaded = await evaluation.load({ source: asked, protocol, needsPool: false, ...options });
  if (loaded.hash !== data.hash || version !== evaluation.version)
    throw new UsageError(
      `${path} holds answers to other questions than ${source.kind === 'folder' ? source.path : 'the hub'} has; ` +
        'give the data with which they were written by --data.',
    );
  const samples = (await readSamples({ path, record })).map((sample) => sampleSchema.parse(sample));
  const turns = new Map(samples.map(({ id, answers }) => [id, answers]));
  return {
    path,
    record,
    evaluation,
    questions: loaded.documents.filter(({ id }) => turns.has(id)),
    answers: { model: written.model, turns },
  };
}
