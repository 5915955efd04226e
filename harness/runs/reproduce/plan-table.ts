import { didYouMean, UsageError } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import { loadBase } from '../../models/bases/load-base.ts';
import { defaultModel } from '../../models/bases/built-in.ts';
import type { Method } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { PublishedRow, ResultsTable } from '../../papers/published-table.ts';
import { findRecipe } from '../../papers/find-recipe.ts';
import { hubIds, ourVariants, rehearsalBases } from '../../papers/red/our-names.ts';
import { estimateCell, type Estimate, type Speed } from './estimate.ts';
import type { Cell, Plan, RunRequest } from '../plan/cell.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { previewCells } from '../plan/preview.ts';
import { readRecord } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { sum } from '../../support/arithmetic.ts';

export const scales = ['full', 'mini'] as const;
export type Scale = (typeof scales)[number];

/** What a person asked of a published table. */
export interface ReproduceRequest extends Pick<
  RunRequest,
  | 'engine'
  | 'device'
  | 'threads'
  | 'precision'
  | 'recompute'
  | 'maxSteps'
  | 'limit'
  | 'results'
  | 'data'
  | 'tokenizer'
> {
  readonly table: ResultsTable;
  readonly scale: Scale;
  /** Only these; all where absent. */
  readonly tasks?: readonly string[] | undefined;
  readonly methods?: readonly string[] | undefined;
  readonly seeds?: readonly number[] | undefined;
  /** `published` on the paper's bases and `recommended` on the built-in ones where absent. */
  readonly protocol?: readonly string[] | undefined;
  /** Where a base of the paper is, if not on the hub. */
  readonly bases: ReadonlyMap<string, string>;
}

/** A printed row on one task: the runs behind its cells, or why there are none. */
export interface TableRun {
  readonly row: PublishedRow;
  readonly task: string;
  /** What plans its cells; undefined where it cannot be run. */
  readonly request?: RunRequest;
  /** One cell a seed; empty where it cannot be run. */
  readonly cells: readonly Cell[];
  /** Why it is not run. */
  readonly reason?: string;
}

/** A published table as runs. */
export interface TablePlan {
  readonly runs: readonly TableRun[];
  /** Everything of a plan but its cells. */
  readonly common: Omit<Plan, 'cells'> | undefined;
}

/** Every row and task of a table, as runs; throws UsageError where what was asked for does not exist. */
export async function planTable(
  request: ReproduceRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<TablePlan> {
  const { table, scale } = request;
  const columns = [...new Set(table.columns.map(({ task }) => task))];
  checkAsked('--tasks', request.tasks, columns);
  checkAsked('--methods', request.methods, [...new Set(table.rows.flatMap(({ method }) => [method, method.split('~')[0]!]))]); // prettier-ignore
  let common: TablePlan['common'];
  const runs: TableRun[] = [];
  for (const row of table.rows) {
    for (const task of columns) {
      const reason = reasonNotTo(request, row, task, methods, tasks);
      if (reason !== undefined) {
        runs.push({ row, task, cells: [], reason });
        continue;
      }
      const asked = requestOf(request, row, task);
      const { cells, ...rest } = await planRuns(asked, methods, tasks);
      common ??= rest;
      const skipped = leftOut(request, row, task);
      runs.push({ row, task, request: asked, cells, ...(skipped !== undefined && { reason: skipped }) });
    }
  }
  return { runs, common };

  function requestOf(asked: ReproduceRequest, row: PublishedRow, task: string): RunRequest {
    const { engine, device, threads, precision, recompute, maxSteps, limit, results, tokenizer, seeds } = asked; // prettier-ignore
    const mini = scale === 'mini';
    const own = rehearsalBases[row.model] ?? defaultModel(tasks.get(task)!);
    const given = asked.bases.get(row.model);
    return {
      ...{ engine, device, threads, precision, recompute, maxSteps, limit, results, tokenizer, seeds },
      tasks: [task],
      methods: [ourVariants[row.method] ?? row.method],
      models: [given ?? (mini ? own : (hubIds[row.model] ?? row.model))],
      recipe: mini ? own : row.model,
      protocol: protocolOf(asked),
      settings: [],
      data: asked.data ?? (mini ? 'built-in' : undefined),
    };
  }
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
function reasonNotTo(
  { table, scale }: ReproduceRequest,
  row: PublishedRow,
  task: string,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): string | undefined {
  if (!tasks.has(task)) return `the task ${task} is not built yet`;
  const [method] = row.method.split('~');
  if (!methods.has(method!)) return `the method ${method!} is not built yet`;
  if (scale === 'mini') return undefined;
  if (row.quoted) return table.quotedFrom ?? 'quoted from prior work, and no recipe is published';
  const recipe = findRecipe(task, row.model, method!);
  return recipe === undefined ? 'its recipe is not public' : undefined;
}

/** Why a run is not wanted now. */
function leftOut(
  { tasks, methods }: ReproduceRequest,
  { method }: PublishedRow,
  task: string,
): string | undefined {
  if (tasks && !tasks.includes(task)) return 'left out by --tasks';
  if (methods && !methods.some((wanted) => wanted === method || wanted === method.split('~')[0])) return 'left out by --methods'; // prettier-ignore
  return undefined;
}

function checkAsked(option: string, asked: readonly string[] | undefined, known: readonly string[]): void {
  const unknown = asked?.find((name) => !known.includes(name));
  if (unknown !== undefined)
    throw new UsageError(
      `${option} ${unknown}: the table has ${known.join(', ')}.${didYouMean(unknown, known)}`,
    );
}

/** Where a run stands, and what is left of it. */
export interface RunState {
  readonly run: TableRun;
  /** By seed: finished and failed runs that need not be done again. */
  readonly records: ReadonlyMap<number, { readonly record: RunRecord; readonly path: string }>;
  /** The seeds that are missing. */
  readonly missing: readonly Cell[];
  /** Of one seed; undefined where the base is not here. */
  readonly estimate: Estimate | undefined;
  /** Why nothing is known of it. */
  readonly problem?: string;
}

/** Looks for the records of every run, their data and base taken as unchanged, and estimates what is missing; failed ones are so where they are tried again. */
export async function inspectRuns(
  { runs, common }: TablePlan,
  speed: Speed,
  retryFailed: boolean,
): Promise<RunState[]> {
  const bases = new Map<string, Promise<BaseModel>>();
  const baseOf = (id: string): Promise<BaseModel> => {
    const base = bases.get(id) ?? loadBase(id, common?.base);
    bases.set(id, base);
    return base;
  };
  const states: RunState[] = [];
  for (const run of runs) {
    const records = new Map<number, { record: RunRecord; path: string }>();
    const missing: Cell[] = [];
    const previews = common ? await previewCells({ ...common, cells: run.cells }) : [];
    for (const [i, cell] of run.cells.entries()) {
      const { state, path } = previews[i]!;
      const read = state === 'missing' ? undefined : await readRecord(path);
      if (read && 'record' in read) records.set(cell.seed, { record: read.record, path });
      if (!records.has(cell.seed) || (retryFailed && state === 'failed')) missing.push(cell);
    }
    const [first] = missing;
    const known = { run, records, missing };
    const earlier = [...records.values()].find(({ record }) => record.status === 'finished')?.record;
    if (first === undefined) states.push({ ...known, estimate: { seconds: 0, bytes: 0, leastBytes: 0 } });
    else if (earlier) {
      const seconds = sum(Object.values(earlier.seconds));
      states.push({ ...known, estimate: { seconds, bytes: earlier.peakMemoryBytes, leastBytes: 0 } });
    } else {
      try {
        states.push({ ...known, estimate: estimateCell(first, await baseOf(first.model), speed) });
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        states.push({ ...known, estimate: undefined, problem: error.message });
      }
    }
  }
  return states;
}

/** What is to be run, the cheapest first: all rows of a task before the next, tasks and rows by what is missing of them. */
export function orderRuns(states: readonly RunState[]): RunState[] {
  const open = states.filter(({ run, missing }) => missing.length > 0 && run.reason === undefined);
  const cost = ({ missing, estimate }: RunState): number => missing.length * (estimate?.seconds ?? Infinity);
  const perTask = new Map<string, number>();
  for (const state of open) perTask.set(state.run.task, (perTask.get(state.run.task) ?? 0) + cost(state));
  const difference = (a: number, b: number): number => (a === b ? 0 : a - b);
  return open.sort(
    (a, b) =>
      difference(perTask.get(a.run.task)!, perTask.get(b.run.task)!) ||
      a.run.task.localeCompare(b.run.task) ||
      difference(cost(a), cost(b)),
  );
}
