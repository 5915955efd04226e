/** Runs what is missing of a published table. What fails, does not fit or is not here never stops the other runs. */
import { codeVersion } from '../../records/environment.ts';
import { checkWritable, recordPath } from '../../records/record-files.ts';
import { messageOf } from '../../support/errors.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import type { CellExecutor, Outcome, RecordedCell, RunEvents } from '../execute/executor.ts';
import { killedLast } from '../execute/out-of-memory.ts';
import { startExecutor } from '../execute/start-executor.ts';
import { runQueue } from '../execute/work-queue.ts';
import { addressOf, type Cell } from '../plan/cell.ts';
import { deviceMemory, gibibytes, type Estimate } from './estimate.ts';
import type { RunState, TablePlan, TableRun } from './plan-table.ts';

export interface RunTableOptions {
  readonly events: Omit<RunEvents, 'onEnd'> & {
    onEnd(outcome: Outcome, run: TableRun): void;
    /** The seeds of a run that have not ended are left out. */
    onSkip(run: TableRun, reason: string): void;
  };
  readonly signal: AbortSignal;
  readonly retryFailed: boolean;
  /** How many cells run at once. */
  readonly jobs: number;
  /** Seconds: nothing is started that is estimated to end later. */
  readonly budget?: number | undefined;
}

/** One cell of a run, with the run's estimate. */
interface Piece {
  readonly run: TableRun;
  readonly cell: Cell;
  readonly estimate: Estimate | undefined;
}

/** Runs what is missing, in the order given; throws Interrupted when `signal` is aborted. */
export async function runTable(
  common: NonNullable<TablePlan['common']>,
  order: readonly RunState[],
  { events, signal, retryFailed, jobs, budget }: RunTableOptions,
): Promise<void> {
  await checkWritable(common.results);
  const start = performance.now();
  const limits = { jobs, budget, memory: (await deviceMemory(common.engine.device)) / jobs };
  const pieces = await killedLast(
    order.flatMap(({ run, missing, estimate }): Piece[] => missing.map((cell) => ({ run, cell, estimate }))),
    ({ cell }) => recordPath(common.results, addressOf(cell)),
  );
  const requests = new Map(pieces.map(({ run, cell }) => [cell, run.request!]));
  const executor = await startExecutor(common, await codeVersion(), {
    retryFailed,
    jobs,
    requestOf: (cell) => requests.get(cell)!,
  });
  const skipped = new Set<TableRun>();
  const skip = (run: TableRun, reason: string): 'skipped' => {
    if (!skipped.has(run)) events.onSkip(run, reason);
    skipped.add(run);
    return 'skipped';
  };
  let started = 0;
  const executePiece = async ({ run, cell, estimate }: Piece, stop: AbortSignal) => {
    if (skipped.has(run)) return 'skipped';
    const reason = whyNotRun(estimate, limits, (performance.now() - start) / 1000);
    if (reason !== undefined) return skip(run, reason);
    try {
      const fetching = { signal: stop, onNote: events.onNote };
      const [prepared] = await unlessAborted(prepareCells({ ...common, cells: [cell] }, fetching), stop);
      const onStart = (): void => {
        events.onStart(cell, prepared!.counts, ++started, pieces.length);
      };
      const result = await executeCell(executor, prepared!, events, onStart, stop);
      if (result !== 'busy') events.onEnd({ cell, ...result }, run);
      return result;
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      return skip(run, messageOf(error));
    }
  };
  const onWait = (busy: number): void => {
    events.onNote(`Waiting for ${busy} cells that another sweep is doing.`);
  };
  try {
    await runQueue(pieces, jobs, executePiece, { signal, onWait });
  } finally {
    await executor.close();
  }
}

function executeCell(
  executor: CellExecutor,
  prepared: PreparedCell,
  events: RunTableOptions['events'],
  onStart: () => void,
  signal: AbortSignal,
): Promise<RecordedCell | 'busy'> {
  const { cell, place } = prepared;
  const cellEvents = {
    onStart() {
      for (const { path, reason } of place.broken)
        events.onNote(`${path} is not used and stays as it is: ${reason}.`);
      onStart();
    },
    onProgress(progress: Parameters<RunEvents['onProgress']>[0]) {
      events.onProgress(progress, cell);
    },
    onNote: events.onNote,
  };
  return executor.execute(prepared, cellEvents, signal);
}

/** What limits the runs of a table: memory in bytes for each job, and seconds for all of them. */
export interface RunLimits {
  readonly jobs: number;
  readonly memory: number;
  readonly budget: number | undefined;
}

/** Why a cell is not started after `elapsed` seconds; undefined where it is. Jobs share the device that is estimated. */
export function whyNotRun(
  estimate: Estimate | undefined,
  { jobs, memory, budget }: RunLimits,
  elapsed: number,
): string | undefined {
  if (estimate && estimate.leastBytes > memory) {
    const owner = jobs > 1 ? `each of ${jobs} jobs` : 'the device';
    return (
      `it needs more than ${gibibytes(estimate.leastBytes)} of memory, ` + `${owner} has ${gibibytes(memory)}`
    );
  }
  if (budget === undefined) return undefined;
  // A run that cannot be estimated cannot be kept within a time.
  const seconds = (estimate?.seconds ?? Infinity) * jobs;
  return elapsed + seconds > budget ? 'over the time of --budget' : undefined;
}
