/** Plans a published table: the runs behind each printed row and task, or why there are none. */
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import { defaultModel } from '../../models/bases/built-in.ts';
import type { Method } from '../../models/method.ts';
import type { PublishedRow, ResultsTable } from '../../papers/published-table.ts';
import { findRecipe } from '../../papers/find-recipe.ts';
import { hubIds, ourVariants, rehearsalBases } from '../../papers/red/our-names.ts';
import type { Cell, Plan, RunRequest } from '../plan/cell.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { evaluatedColumns, type EvaluatedColumn } from './evaluated-columns.ts';

/** The paper's bases and data, or a rehearsal on the built-in ones. */
export type Scale = 'full' | 'mini';

/** What a person asked of a published table. */
export interface ReproduceRequest extends Pick<
  RunRequest,
  | 'engine'
  | 'device'
  | 'threads'
  | 'precision'
  | 'recompute'
  | 'batchSeeds'
  | 'maxSteps'
  | 'limit'
  | 'results'
  | 'data'
  | 'tokenizer'
> {
  readonly table: ResultsTable;
  readonly scale: Scale;
  /** Runs only these; all where absent. */
  readonly tasks?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly seeds?: readonly number[] | undefined;
  /** Where absent, `published` on the paper's bases and `recommended` on the built-in ones. */
  readonly protocol?: readonly string[] | undefined;
  /** Where a base of the paper is, if not on the hub. */
  readonly bases: ReadonlyMap<string, string>;
}

/** A printed row on one task: the runs behind its cells, or why there are none. */
export interface TableRun {
  readonly row: PublishedRow;
  readonly task: string;
  /** The request that plans its cells; undefined where it cannot be run. */
  readonly request?: RunRequest;
  /** One cell for each seed; empty where it cannot be run. */
  readonly cells: readonly Cell[];
  /** Why it is not run. */
  readonly reason?: string;
}

/** A published table as runs. */
export interface TablePlan {
  readonly runs: readonly TableRun[];
  /** Everything of a plan but its cells. */
  readonly common: Omit<Plan, 'cells'> | undefined;
  /** The columns, where they are evaluations of what the runs train. */
  readonly evaluations?: readonly EvaluatedColumn[];
}

/** Plans every row and task of a table; throws UsageError where what was asked for does not exist. */
export async function planTable(
  request: ReproduceRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<TablePlan> {
  const { table } = request;
  const { evaluates } = table;
  const columns = [...new Set(table.columns.map(({ task }) => task))];
  const methodNames = table.rows.flatMap(({ method }) => [method, method.split('~')[0]!]);
  checkAsked('--tasks', request.tasks, columns);
  checkAsked('--methods', request.methods, [...new Set(methodNames)]);
  let common: TablePlan['common'];
  const runs: TableRun[] = [];
  for (const row of table.rows) {
    for (const task of evaluates ? [evaluates.task] : columns) {
      const reason = whyNotPlanned(request, row, task, methods, tasks);
      if (reason !== undefined) {
        runs.push({ row, task, cells: [], reason });
        continue;
      }
      const planned = requestOf(request, row, tasks.get(task)!);
      const { cells, ...shared } = await planRuns(planned, methods, tasks);
      common ??= shared;
      const leftOut = whyLeftOut(request, row, task);
      runs.push({ row, task, request: planned, cells, ...(leftOut !== undefined && { reason: leftOut }) });
    }
  }
  const evaluations = evaluates && (await evaluatedColumns(columns, evaluates, request));
  return { runs, common, ...(evaluations && { evaluations }) };
}

/**
 * The request for the runs of a row on a task: the paper's base, variant and recipe, or those of the
 * rehearsal.
 */
function requestOf(asked: ReproduceRequest, row: PublishedRow, task: Task): RunRequest {
  const isRehearsal = asked.scale === 'mini';
  const rehearsalBase = rehearsalBases[row.model] ?? defaultModel(task);
  const base = isRehearsal ? rehearsalBase : (hubIds[row.model] ?? row.model);
  return {
    engine: asked.engine,
    device: asked.device,
    threads: asked.threads,
    precision: asked.precision,
    recompute: asked.recompute,
    batchSeeds: asked.batchSeeds,
    maxSteps: asked.maxSteps,
    limit: asked.limit,
    results: asked.results,
    tokenizer: asked.tokenizer,
    seeds: asked.seeds,
    tasks: [task.name],
    methods: [ourVariants[row.method] ?? row.method],
    models: [asked.bases.get(row.model) ?? base],
    recipe: isRehearsal ? rehearsalBase : row.model,
    protocol: protocolOf(asked),
    settings: isRehearsal ? [] : (row.settings ?? []),
    data: asked.data ?? (isRehearsal ? 'built-in' : undefined),
  };
}

/** The protocol of a table's runs, as --protocol takes it. */
export function protocolOf({
  table,
  scale,
  protocol,
}: Pick<ReproduceRequest, 'table' | 'scale' | 'protocol'>): readonly string[] {
  if (protocol !== undefined) return protocol;
  if (scale === 'mini') return ['recommended'];
  return table.protocol ?? ['published'];
}

/** Why a row cannot be run on a task; undefined where it can. */
function whyNotPlanned(
  { table, scale }: ReproduceRequest,
  row: PublishedRow,
  task: string,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): string | undefined {
  const isQuoted = row.quoted && scale !== 'mini';
  if (isQuoted) return table.quotedFrom ?? 'quoted from prior work, and no recipe is published';
  if (!tasks.has(task)) return `the task ${task} is not built yet`;
  if (row.reason !== undefined) return row.reason;
  const [method] = row.method.split('~');
  if (!methods.has(method!)) return `the method ${method!} is not built yet`;
  if (scale === 'mini') return undefined;
  const recipe = findRecipe(task, row.model, method!);
  return recipe === undefined ? 'its recipe is not public' : undefined;
}

/** Which option leaves a run out; undefined where none does. */
function whyLeftOut(
  { table, tasks, methods }: ReproduceRequest,
  { method }: PublishedRow,
  task: string,
): string | undefined {
  if (tasks && !table.evaluates && !tasks.includes(task)) return 'left out by --tasks';
  const names = [method, method.split('~')[0]!];
  if (methods && !methods.some((asked) => names.includes(asked))) return 'left out by --methods';
  return undefined;
}

function checkAsked(option: string, asked: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = asked?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `${option} ${unknown}: the table has ${known.join(', ')}.${didYouMean(unknown, known)}`,
    );
}
