/**
 * Evaluates what the runs of a published table trained, column by column. A column that cannot be evaluated
 * never stops the others. `bench reproduce` uses it.
 */
import type { FetchOptions } from '../../data/hub/connection.ts';
import { UsageError } from '../../support/errors.ts';
import { chooseEvaluations, evaluationsOf, type Choice } from '../evaluate/choose-evaluations.ts';
import { evaluateRuns, type RunEvaluations } from '../evaluate/evaluate-runs.ts';
import type { Evaluated, EvaluateOptions } from '../evaluate/evaluate.ts';
import { evaluationLoader, type EvaluationLoader } from '../evaluate/plan-evaluations.ts';
import type { Outcome } from '../execute/executor.ts';
import type { RunRequest } from '../plan/cell.ts';
import { findDataSource } from '../plan/data-source.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';
import type { EvaluatedColumn } from './evaluated-columns.ts';

/** Columns whose data are read, with what read them. */
export interface OpenColumns {
  readonly columns: readonly (EvaluatedColumn & { readonly choices: readonly Choice[] })[];
  readonly load: EvaluationLoader;
}

/** Reads the data of all columns, before anything is trained; a column without its data has that for a reason. */
export async function openColumns(
  columns: readonly EvaluatedColumn[],
  { data, limit }: Pick<RunRequest, 'data' | 'limit'>,
  fetching: FetchOptions,
): Promise<OpenColumns> {
  const all = await loadEvaluations();
  const load = evaluationLoader(await findDataSource(data), fetching);
  const opened = [];
  for (const column of columns) {
    const choices = chooseEvaluations([column.text], all, { limit });
    const reason =
      column.reason ??
      (await problemOf(async () => {
        for (const chosen of evaluationsOf(choices)) await load(chosen);
      }));
    opened.push({ ...column, choices, reason });
  }
  return { columns: opened, load };
}

/** The message of a UsageError that something throws; undefined where it throws none. */
async function problemOf(work: () => Promise<void>): Promise<string | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
}

/** What evaluateTable tells, and how it works. */
export interface EvaluateTableOptions extends EvaluateOptions {
  /** A time of `performance.now()` after which no column is begun. */
  readonly deadline: number;
  onColumn(task: string, evaluated: readonly Evaluated[]): void;
  onSkip(task: string, reason: string): void;
}

/** Evaluates outcomes by each column, where there is no record; throws Interrupted when the signal is aborted. */
export async function evaluateTable(
  outcomes: readonly Outcome[],
  { columns, load }: OpenColumns,
  request: RunRequest,
  { deadline, onColumn, onSkip, ...options }: EvaluateTableOptions,
): Promise<void> {
  const pairs = new Map(outcomes.map(({ cell }) => [`${cell.task.name} ${cell.model}`, cell]));
  for (const { task: column, text, choices, reason } of columns) {
    if (reason !== undefined) continue;
    if (performance.now() > deadline) {
      onSkip(column, 'over the time of --budget');
      continue;
    }
    const found = [...pairs.values()].map(({ task, model }): RunEvaluations => ({
      task,
      model,
      texts: [text],
      from: column,
      choices,
      load,
    }));
    const reasonNow = await problemOf(async () => {
      const done = await evaluateRuns(outcomes, found, request, options);
      onColumn(
        column,
        done.flatMap(({ evaluated }) => evaluated),
      );
    });
    if (reasonNow !== undefined) onSkip(column, reasonNow);
  }
}
