/** The words of execution: what executes cells, what a caller gives it, and what it tells its caller. */
import type { ParameterCounts } from '../../models/delta/count-parameters.ts';
import type { RunRecord } from '../../records/record.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import type { CellProgress } from '../cell/save-results.ts';
import type { Cell, RunRequest } from '../plan/cell.ts';

/** What is told of all runs of a plan. */
export interface RunEvents {
  /** A cell begins, the `number`th of `total` that were missing. */
  onStart(cell: Cell, counts: ParameterCounts, number: number, total: number): void;
  onProgress(progress: CellProgress, cell: Cell): void;
  onEnd(record: RunRecord, path: string, cell: Cell): void;
  /** Something that the user should know; one line. */
  onNote(text: string): void;
}

/** How the cells of a plan are executed. */
export interface ExecuteOptions {
  readonly events: RunEvents;
  readonly signal: AbortSignal;
  /** Tries failed runs again. */
  readonly retryFailed: boolean;
  /** Does cells that have a record again, in this process. */
  readonly again?: boolean;
  /** How many cells run at once, each in a process of its own; one runs in this process. */
  readonly jobs?: number;
  /**
   * The request from which a process of its own plans a cell again; where absent, all is done in this
   * process.
   */
  readonly requestOf?: (cell: Cell) => RunRequest;
  /** Trains cells that differ in nothing but their seed in one program. */
  readonly batchSeeds?: boolean | undefined;
}

/** A cell and its record. */
export interface Outcome {
  readonly cell: Cell;
  readonly record: RunRecord;
  readonly path: string;
}

/** The record of a cell, written by this process or by another sweep that was faster. */
export type RecordedCell = Pick<Outcome, 'record' | 'path'>;

/** What one cell tells while it runs. */
export interface CellEvents {
  onStart(): void;
  onProgress(progress: CellProgress): void;
  onNote(text: string): void;
  /** It has a record. */
  onEnd(recorded: RecordedCell): void;
}

/** Executes cells, in this process or in child processes. */
export interface CellExecutor {
  /**
   * Executes a group of cells of one request, which are trained in one program where they are several. A cell
   * that another sweep is doing has no end.
   */
  execute(
    group: readonly PreparedCell[],
    eventsOf: (run: PreparedCell) => CellEvents,
    signal: AbortSignal,
  ): Promise<void>;
  close(): Promise<void>;
}
