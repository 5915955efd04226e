/**
 * Where the runs of a table stand: their records, what is missing, and how long that takes on this device.
 */
import { loadBase } from '../../models/bases/load-base.ts';
import { readRecord } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import { UsageError, messageOf } from '../../support/errors.ts';
import { once } from '../../support/once.ts';
import { attachCell } from '../cell/attach-cell.ts';
import type { Cell } from '../plan/cell.ts';
import type { EngineChoice } from '../plan/engine-choice.ts';
import { previewCells } from '../plan/preview.ts';
import { estimateCell, measureSpeed, type Estimate, type Speed } from './estimate.ts';
import type { TablePlan, TableRun } from './plan-table.ts';

/** Where a run stands, and what is left of it. */
export interface RunState {
  readonly run: TableRun;
  /** The records by seed, finished and failed. */
  readonly records: ReadonlyMap<number, { readonly record: RunRecord; readonly path: string }>;
  /** The cells of the seeds that are missing. */
  readonly missing: readonly Cell[];
  /** The estimate of one seed; undefined where the base is not here. */
  readonly estimate: Estimate | undefined;
  /** Why there is no estimate. */
  readonly problem?: string;
}

/** Times the device and inspects the runs of a table; the device is left alone where nothing can be run. */
export async function inspectTable(
  plan: TablePlan,
  retryFailed: boolean,
): Promise<{ speed: Speed | undefined; states: RunState[] }> {
  if (!plan.common) {
    return { speed: undefined, states: await inspectRuns(plan, { flops: 1, basis: '' }, false) };
  }
  const speed = await timeDevice(plan.common.engine);
  return { speed, states: await inspectRuns(plan, speed, retryFailed) };
}

/** Times the device of an engine; throws UsageError where the engine does not run. */
async function timeDevice({ name, device, threads, precision }: EngineChoice): Promise<Speed> {
  const { createEngine } = await import('../../engine/create.ts');
  try {
    const engine = await createEngine({ name, threads, precision, ...(device !== undefined && { device }) });
    return await measureSpeed(engine);
  } catch (error) {
    const message = `The engine ${name} does not run: ${messageOf(error)} "doctor" says what works here.`;
    throw new UsageError(message, { cause: error });
  }
}

/**
 * Looks for the records of every run, with data and base taken as unchanged, and estimates what is missing.
 * With `retryFailed`, failed seeds count as missing.
 */
export async function inspectRuns(
  { runs, common }: TablePlan,
  speed: Speed,
  retryFailed: boolean,
): Promise<RunState[]> {
  const baseOf = once((id) => loadBase(id, common?.base));
  const states: RunState[] = [];
  for (const run of runs) {
    const { records, missing } = await findRecords(run, common, retryFailed);
    const [first] = missing;
    const finished = [...records.values()].find(({ record }) => record.status === 'finished')?.record;
    const known = { run, records, missing };
    if (first === undefined) states.push({ ...known, estimate: { seconds: 0, bytes: 0, leastBytes: 0 } });
    else if (finished) states.push({ ...known, estimate: measuredCost(finished) });
    else {
      try {
        const attached = await attachCell(first, await baseOf(first.model));
        states.push({ ...known, estimate: estimateCell(attached, speed, common?.engine.recompute) });
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        states.push({ ...known, estimate: undefined, problem: error.message });
      }
    }
  }
  return states;
}

/** The records of a run by seed, and the cells that have none. */
async function findRecords(
  run: TableRun,
  common: TablePlan['common'],
  retryFailed: boolean,
): Promise<{ records: Map<number, { record: RunRecord; path: string }>; missing: Cell[] }> {
  const records = new Map<number, { record: RunRecord; path: string }>();
  const missing: Cell[] = [];
  const previews = common ? await previewCells({ ...common, cells: run.cells }) : [];
  for (const [i, cell] of run.cells.entries()) {
    const { state, path } = previews[i]!;
    const read = state === 'missing' ? undefined : await readRecord(path);
    if (read && 'record' in read) records.set(cell.seed, { record: read.record, path });
    if (!records.has(cell.seed) || (retryFailed && state === 'failed')) missing.push(cell);
  }
  return { records, missing };
}

/** The cost of a seed, by what a finished seed of the same run took. */
function measuredCost({ seconds, peakMemoryBytes }: RunRecord): Estimate {
  return { seconds: sum(Object.values(seconds)), bytes: peakMemoryBytes, leastBytes: 0 };
}

/**
 * Orders what is to be run, the cheapest first: all rows of a task before the next, tasks and rows by what is
 * missing.
 */
export function orderRuns(states: readonly RunState[]): RunState[] {
  const open = states.filter(({ run, missing }) => missing.length > 0 && run.reason === undefined);
  const cost = ({ missing, estimate }: RunState): number => missing.length * (estimate?.seconds ?? Infinity);
  const costOfTask = new Map<string, number>();
  for (const state of open) {
    costOfTask.set(state.run.task, (costOfTask.get(state.run.task) ?? 0) + cost(state));
  }
  // Two infinite costs are equal, though their difference is no number.
  const difference = (a: number, b: number): number => (a === b ? 0 : a - b);
  return open.sort(
    (a, b) =>
      difference(costOfTask.get(a.run.task)!, costOfTask.get(b.run.task)!) ||
      a.run.task.localeCompare(b.run.task) ||
      difference(cost(a), cost(b)),
  );
}
