/** What does cells, in this process or in others, and what it tells its caller. */
import type { ParameterCounts } from '../../models/delta/count-parameters.ts';
import type { RunRecord } from '../../records/record.ts';
import type { Companion } from '../../training/loop/train-together.ts';
import type { CellProgress } from '../cell/save-results.ts';
import type { PreparedCell } from '../cell/prepare-cells.ts';
import type { Cell, RunRequest } from '../plan/cell.ts';

export interface RunEvents {
  /** A cell begins, one of `total` that were missing. */
  onStart(cell: Cell, counts: ParameterCounts, number: number, total: number): void;
  onProgress(progress: CellProgress, cell: Cell): void;
  onEnd(record: RunRecord, path: string, cell: Cell): void;
  /** Something that the user should know; one line. */
  onNote(text: string): void;
}
export interface ExecuteOptions {
  readonly events: RunEvents;
  readonly signal: AbortSignal;
  /** Tries failed runs again. */
  readonly retryFailed: boolean;
  /** Runs so many cells at once, each in a process of its own; in this process where it is one. */
  readonly jobs?: number;
  /** What plans a cell again in a process of its own; where absent, all is done in this one. */
  readonly requestOf?: (cell: Cell) => RunRequest;
  /** Trains cells that differ in nothing but their seed in one program. */
  readonly batchSeeds?: boolean;
}

/** A cell and its record. */
export interface Outcome {
  readonly cell: Cell;
  readonly record: RunRecord;
  readonly path: string;
}

/** A cell's record, of this process or of another sweep that was faster. */
export type RecordedCell = Pick<Outcome, 'record' | 'path'>;

/** What one cell tells while it runs. */
export interface CellEvents {
  onStart(): void;
  onProgress(progress: CellProgress): void;
  onNote(text: string): void;
}

/** What does cells: this process, or child processes. */
export interface CellExecutor {
  /** Does a cell, unless another sweep is doing it. */
  execute(
    run: PreparedCell,
    events: CellEvents,
    signal: AbortSignal,
    companion?: Companion,
  ): Promise<RecordedCell | 'busy'>;
  close(): Promise<void>;
}
export interface JobPoolOptions {
  readonly count: number;
  /** What plans a cell again in its process. */
  requestOf(cell: Cell): RunRequest;
  readonly retryFailed: boolean;
}
