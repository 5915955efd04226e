/**
 * deltabench as a library, `import … from 'deltabench'`: finds methods and tasks, plans and executes runs, reads
 * their records and makes tables of them. What a method or a task is made of is in method.ts and task.ts.
 */
import { formatTable } from './reporting/tables/format-table.ts';
import { tableRows } from './reporting/tables/compare-rows.ts';
import { executePlan } from './runs/execute/execute-plan.ts';
import type { Outcome, RunEvents } from './runs/execute/executor.ts';
import type { RunRequest } from './runs/plan/cell.ts';
import { loadMethods, loadTasks } from './runs/plan/load-plugins.ts';
import { planRuns } from './runs/plan/plan-runs.ts';

export { collectRecords } from './records/read-records.ts';
export type { RunRecord } from './records/record.ts';
export type { Row } from './reporting/tables/row.ts';
export { executePlan, formatTable, planRuns, tableRows };
export type { ExecuteOptions, Outcome, RunEvents } from './runs/execute/executor.ts';
export type { Cell, Plan, RunRequest } from './runs/plan/cell.ts';
export { loadEvaluations, loadMethods, loadTasks } from './runs/plan/load-plugins.ts';
export { UsageError } from './support/errors.ts';

/** A request whose unsaid parts are those of the command line. */
export type Request = Pick<RunRequest, 'tasks' | 'methods'> & Partial<RunRequest>;

/** How `run` goes about it. */
export interface RunOptions {
  /** Ends the runs, which go on from their checkpoints when they are asked for again. */
  readonly signal?: AbortSignal;
  /** Is told how runs go. */
  readonly events?: Partial<RunEvents>;
}

/**
 * Does the runs of a request that have no record yet, in this process, as `deltabench --task … --method …`
 * does; returns the outcomes of all, failed runs among them. Throws UsageError where something that is asked
 * for does not exist or cannot be used.
 *
 * @example
 * const outcomes = await run({ tasks: ['e2e'], methods: ['red', 'lora'], seeds: [1, 2] });
 * console.log(await table(outcomes));
 */
export async function run(request: Request, { signal, events }: RunOptions = {}): Promise<Outcome[]> {
  const defaults = { models: [], settings: [], engine: 'onnx', results: 'results' };
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const plan = await planRuns({ ...defaults, ...request }, methods, tasks);
  const ignored = (): void => undefined;
  return executePlan(plan, {
    signal: signal ?? new AbortController().signal,
    retryFailed: false,
    events: { onStart: ignored, onProgress: ignored, onEnd: ignored, onNote: ignored, ...events },
  });
}

/** The table of some runs as the command line prints it: a row for each method, marks and comparisons below. */
export async function table(outcomes: readonly Outcome[], width = Infinity): Promise<string> {
  const { rows, comparisons } = await tableRows(outcomes);
  return formatTable(rows, comparisons, width);
}
