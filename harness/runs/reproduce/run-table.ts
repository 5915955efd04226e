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
import { refusesTogether } from '../../training/loop/train-together.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import type { CellEvents, CellExecutor, Outcome, RunEvents } from '../execute/executor.ts';
import { lostProcess, riskyLast } from '../execute/out-of-memory.ts';
import { startExecutor } from '../execute/start-executor.ts';
import { runQueue } from '../execute/work-queue.ts';
import { addressOf, type Cell } from '../plan/cell.ts';
import type { Estimate } from './estimate.ts';
import type { RunState } from './inspect-runs.ts';
import type { TablePlan, TableRun } from './plan-table.ts';
import { findLimits, whyNotRun, type RunLimits } from './run-limits.ts';

export interface RunTableOptions {
  readonly events: Omit<RunEvents, 'onEnd'> & {
    onEnd(outcome: Outcome, run: TableRun): void;
    /** The seeds of a run that have not ended are left out. */
    onSkip(run: TableRun, reason: string): void;
  };
  readonly signal: AbortSignal;
  readonly retryFailed: boolean;
  /** How many pieces run at once. */
  readonly jobs: number;
  /** Seconds: nothing is started that is estimated to end later. */
  readonly budget?: number | undefined;
  /** Trains the seeds of a run in one program, where its method allows it. */
  readonly batchSeeds: boolean;
}

/** One cell of a run, or all that are missing where seeds are trained together; the estimate is of one cell. */
interface Piece {
  readonly run: TableRun;
  readonly cells: readonly Cell[];
  readonly estimate: Estimate | undefined;
}

/** Runs what is missing, in the order given; throws Interrupted when `signal` is aborted. */
export async function runTable(
  common: NonNullable<TablePlan['common']>,
  order: readonly RunState[],
  options: RunTableOptions,
): Promise<void> {
  const { events, signal, retryFailed, jobs, budget, batchSeeds } = options;
  await checkWritable(common.results);
  const limits = await findLimits(common.engine, { jobs, budget, batchSeeds });
  const pieces = await riskyLast(piecesOf(order, batchSeeds), async ({ cells }) => {
    const paths = cells.map((cell) => recordPath(common.results, addressOf(cell)));
    return (await Promise.all(paths.map(lostProcess))).some((how) => how !== undefined);
  });
  const requests = new Map(pieces.flatMap(({ run, cells }) => cells.map((cell) => [cell, run.request!])));
  const executor = await startExecutor(common, await codeVersion(), {
    retryFailed,
    jobs,
    requestOf: (cell) => requests.get(cell)!,
  });
  const runner = new PieceRunner({ common, executor, limits, events, total: requests.size });
  const onWait = (busy: number): void => {
    events.onNote(`Waiting for ${counted(busy, batchSeeds ? 'row' : 'cell')} that another sweep is doing.`);
  };
  try {
    await runQueue(pieces, jobs, (piece, stop) => runner.execute(piece, stop), { signal, onWait });
  } finally {
    await executor.close();
  }
}

/** Divides what is missing into pieces. */
function piecesOf(order: readonly RunState[], batchSeeds: boolean): Piece[] {
  return order.flatMap(({ run, missing, estimate }) =>
    (batchSeeds ? [missing] : missing.map((cell) => [cell])).map((cells) => ({ run, cells, estimate })),
  );
}

/** Executes the pieces of a table, within its limits. */
class PieceRunner {
  readonly #setup;
  readonly #start = performance.now();
  readonly #skipped = new Set<TableRun>();
  readonly #ended = new Set<Cell>();
  #started = 0;

  constructor(setup: {
    readonly common: NonNullable<TablePlan['common']>;
    readonly executor: CellExecutor;
    readonly limits: RunLimits;
    readonly events: RunTableOptions['events'];
    /** The number of cells of all pieces. */
    readonly total: number;
  }) {
    this.#setup = setup;
  }

  /** Executes the cells of a piece that have not ended; `busy` where another sweep is doing one. */
  async execute({ run, cells, estimate }: Piece, stop: AbortSignal): Promise<'skipped' | 'done' | 'busy'> {
    const { common, executor, limits, events } = this.#setup;
    if (this.#skipped.has(run)) return 'skipped';
    let open = this.#openOf(cells);
    const elapsed = (performance.now() - this.#start) / 1000;
    const reason = whyNotRun(estimate, open.length, limits, elapsed);
    if (reason !== undefined) return this.#skip(run, reason);
    try {
      // Of seeds on which nothing depends one is prepared at a time.
      while (open.length > 0) {
        const plan = { ...common, cells: open };
        const prepared = await unlessAborted(
          prepareCells(plan, { signal: stop, onNote: events.onNote }),
          stop,
        );
        for (const group of groupsOf(prepared, events.onNote))
          await executor.execute(group, (one) => this.#eventsOf(one, run), stop);
        if (!prepared.every(({ cell }) => this.#ended.has(cell))) return 'busy';
        open = this.#openOf(open);
      }
      return 'done';
    } catch (error) {
      if (error instanceof Interrupted) throw error;
      return this.#skip(run, messageOf(error));
    }
  }

  readonly #openOf = (cells: readonly Cell[]): Cell[] => cells.filter((cell) => !this.#ended.has(cell));

  #skip(run: TableRun, reason: string): 'skipped' {
    if (!this.#skipped.has(run)) this.#setup.events.onSkip(run, reason);
    this.#skipped.add(run);
    return 'skipped';
  }

  #eventsOf({ cell, counts, place }: PreparedCell, run: TableRun): CellEvents {
    const { events, total } = this.#setup;
    return {
      onStart: () => {
        for (const { path, reason } of place.broken)
          events.onNote(`${path} is not used and stays as it is: ${reason}.`);
        events.onStart(cell, counts, ++this.#started, total);
      },
      onProgress(progress) {
        events.onProgress(progress, cell);
      },
      onNote: events.onNote,
      onEnd: (recorded) => {
        this.#ended.add(cell);
        events.onEnd({ cell, ...recorded }, run);
      },
    };
  }
}

/** The cells of a piece in groups that are trained in one program; a cell each where their method cannot be. */
function groupsOf(prepared: readonly PreparedCell[], onNote: (text: string) => void): PreparedCell[][] {
  const [{ base, delta, cell }] = prepared as [PreparedCell];
  const reason = prepared.length > 1 && refusesTogether(base, delta);
  if (!reason) return [[...prepared]];
  onNote(`The seeds of ${cell.variant.name} are trained one after the other: ${reason}.`);
  return prepared.map((run) => [run]);
}
