/**
 * Runs what is missing of a published table. What fails, does not fit or is not here never stops the other
 * runs.
 */
import { counted } from '../../support/counted.ts';
import { codeVersion } from '../../records/environment.ts';
import { checkWritable, recordPath } from '../../records/record-files.ts';
import { messageOf } from '../../support/errors.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import type { CellExecutor, Outcome, RecordedCell, RunEvents } from '../execute/executor.ts';
import { riskyLast, wasKilled } from '../execute/out-of-memory.ts';
import { startExecutor } from '../execute/start-executor.ts';
import { runQueue } from '../execute/work-queue.ts';
import { addressOf, type Cell } from '../plan/cell.ts';
import type { Estimate } from './estimate.ts';
import type { RunState } from './inspect-runs.ts';
import type { TablePlan, TableRun } from './plan-table.ts';
import { findLimits, whyNotRun } from './run-limits.ts';

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
  const limits = await findLimits(common.engine, jobs, budget);
  const pieces = await riskyLast(
    order.flatMap(({ run, missing, estimate }): Piece[] => missing.map((cell) => ({ run, cell, estimate }))),
    ({ cell }) => wasKilled(recordPath(common.results, addressOf(cell))),
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
    events.onNote(`Waiting for ${counted(busy, 'cell')} that another sweep is doing.`);
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
