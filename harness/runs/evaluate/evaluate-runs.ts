/**
 * The evaluations of what runs trained: which ones a plan's runs get, by `--evaluations` or their task, and
 * doing those that have no record. Each is what `bench eval --record` does, with the same record.
 */
import type { Task } from '../../data/examples/task.ts';
import type { FetchOptions } from '../../data/hub/connection.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { UsageError } from '../../support/errors.ts';
import type { Outcome } from '../execute/executor.ts';
import type { Cell, Plan, RunRequest } from '../plan/cell.ts';
import { findDataSource } from '../plan/data-source.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';
import { answersOf } from '../plan/variants/variant.ts';
import { chooseEvaluations, evaluationsOf, type Choice } from './choose-evaluations.ts';
import { evaluate, type Evaluated, type EvaluateOptions } from './evaluate.ts';
import {
  evaluationLoader,
  isMissing,
  planEvaluations,
  type EvaluateRequest,
  type EvaluationLoader,
  type EvaluationPlan,
} from './plan-evaluations.ts';
import { checkDecoder, predictsNothing } from './subject.ts';

/** The evaluations of the runs of a task on a base. */
export interface RunEvaluations {
  readonly task: Task;
  readonly model: string;
  /** As chooseEvaluations reads them. */
  readonly texts: readonly string[];
  /** What named them: `--evaluations`, or the task. */
  readonly from: string;
  readonly choices: readonly Choice[];
  /** Gives their data, which are read before anything is trained. */
  readonly load: EvaluationLoader;
}

/**
 * Finds the evaluations of a plan's runs; tasks and bases without any are left out. Throws UsageError where
 * one does not exist, does not fit the base, or has no data, before anything is trained.
 */
export async function findRunEvaluations(
  { cells, base }: Plan,
  { evaluations: asked, limit, judgedOn, ...request }: RunRequest,
  fetching: FetchOptions = {},
): Promise<RunEvaluations[]> {
  // Trials of tuning see the validation split alone.
  if (judgedOn) return [];
  if (asked && asked.length > 1 && asked.includes('none'))
    throw new UsageError('--evaluations none stands alone: leave it out, or the other names.');
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const all = await loadEvaluations();
  const load = evaluationLoader(await findDataSource(dataOf(cells, request)), fetching);
  const found: RunEvaluations[] = [];
  const pairs = new Map(cells.map((cell) => [`${cell.task.name} ${cell.model}`, cell]));
  for (const cell of pairs.values()) {
    const { task, model } = cell;
    const texts = asked?.filter((text) => text !== 'none') ?? namedBy(cell);
    if (texts.length === 0) continue;
    const described = await loadBase(model, { ...base, ...fetching });
    const hasHead = task.kind === 'label' && cell.protocol.hasClassifiers;
    // A task serves bases of every kind; those that predict no tokens go without its evaluations.
    if (!asked && (hasHead || described.architecture.kind !== 'decoder')) {
      fetching.onNote?.(`${task.name} on ${model}: its evaluations score decoders, so that there are none.`);
      continue;
    }
    checkDecoder(described);
    if (hasHead) throw predictsNothing(`${task.name} on ${model}`);
    const from = asked ? '--evaluations' : `task ${task.name}`;
    const one = { task, model, texts, from, choices: chooseEvaluations(texts, all, { limit }), load };
    await checkData(one, described);
    found.push(one);
  }
  return found;
}

/** Where evaluations read their data; `--data` of a task of one's own holds that task's rows alone. */
function dataOf(
  cells: readonly Pick<Cell, 'source'>[],
  { data }: Pick<RunRequest, 'data'>,
): string | undefined {
  return cells.some(({ source }) => source.kind === 'own') ? undefined : data;
}

/** The evaluations that a cell's task names. */
function namedBy({ task, source }: Cell): readonly string[] {
  const { evaluations = [], builtinEvaluations = evaluations } = task;
  return source.kind === 'built-in' ? builtinEvaluations : evaluations;
}

/** Reads the data of all evaluations once: hours of training should not end where they are missing. */
async function checkData(
  { choices, from, load }: RunEvaluations,
  base: Pick<BaseModel, 'id' | 'architecture'>,
): Promise<void> {
  for (const chosen of evaluationsOf(choices))
    try {
      (await load(chosen)).check(base, chosen);
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      throw new UsageError(
        `${chosen.evaluation.name} (${from}): ${error.message} --evaluations none goes without.`,
        { cause: error },
      );
    }
}

/** A request that evaluates what runs trained, and what reads its data. */
interface RequestOfRuns {
  readonly request: EvaluateRequest;
  readonly load: EvaluationLoader;
}

/** The evaluations of some outcomes, as requests of their own: one for each task and base. */
function evaluationRequests(
  outcomes: readonly Pick<Outcome, 'cell' | 'record' | 'path'>[],
  found: readonly RunEvaluations[],
  request: RunRequest,
): RequestOfRuns[] {
  const { engine, device, threads, precision, results, limit, tokenizer } = request;
  return found.flatMap(({ task, model, texts, load }) => {
    const own = outcomes.filter(
      ({ cell, record }) =>
        cell.task.name === task.name &&
        cell.model === model &&
        record.status === 'finished' &&
        answersOf(cell.variant) === undefined,
    );
    if (own.length === 0) return [];
    const cells = own.map(({ cell }) => cell);
    const data = dataOf(cells, request);
    const subjects = own.map(({ path }) => ({ record: path, tokenizer }));
    const common = { engine, device, threads, precision, results, data, limit };
    return [{ request: { ...common, subjects, tasks: texts }, load }];
  });
}

/** The paths of the finished runs of which an evaluation has no record yet. */
export async function runsToEvaluate(
  outcomes: readonly Outcome[],
  found: readonly RunEvaluations[],
  request: RunRequest,
  retryFailed: boolean,
): Promise<ReadonlySet<string>> {
  const lacking = new Set<string>();
  for (const { request: own, load } of evaluationRequests(outcomes, found, request)) {
    const { subjects, pieces } = await planEvaluations(own, {}, load);
    for (const piece of pieces)
      if (isMissing(piece, retryFailed)) lacking.add(own.subjects[subjects.indexOf(piece.subject)]!.record!);
  }
  return lacking;
}

/** What was evaluated of a task and base, with its plan. */
export interface EvaluatedRuns {
  readonly plan: EvaluationPlan;
  readonly evaluated: readonly Evaluated[];
}

/** Evaluates what finished runs trained, where there is no record; throws as `evaluate`. */
export async function evaluateRuns(
  outcomes: readonly Outcome[],
  found: readonly RunEvaluations[],
  request: RunRequest,
  options: EvaluateOptions,
): Promise<EvaluatedRuns[]> {
  const { signal, events } = options;
  const done: EvaluatedRuns[] = [];
  for (const { request: own, load } of evaluationRequests(outcomes, found, request)) {
    const plan = await planEvaluations(own, { signal, onNote: events.onNote }, load);
    done.push({ plan, evaluated: await evaluate(plan, own, options) });
  }
  return done;
}
