import { Interrupted } from '../../training/loop/job.ts';
import { codeVersion } from '../../records/environment.ts';
import { deviceMemory, gibibytes, type Estimate } from './estimate.ts';
import { startExecutor } from '../execute/execute-plan.ts';
import type { Outcome, RunEvents } from '../execute/executor.ts';
import { killedLast } from '../execute/out-of-memory.ts';
import { addressOf } from '../plan/cell.ts';
import { prepareCells } from '../cell/prepare-cells.ts';
import type { RunState, TablePlan, TableRun } from './plan-table.ts';
import { runQueue } from '../execute/work-queue.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { checkWritable, recordPath } from '../../records/record-files.ts';
import { messageOf } from '../../support/errors.ts';

export interface RunTableOptions {
  readonly events: Omit<RunEvents, 'onEnd'> & {
    onEnd(outcome: Outcome, run: TableRun): void;
    /** The seeds of a run that have not ended are left out. */
    onSkip(run: TableRun, reason: string): void;
  };
  readonly signal: AbortSignal;
  readonly retryFailed: boolean;
  /** So many cells at once. */
  readonly jobs: number;
  /** Seconds: nothing is started that is estimated to end later. */
  readonly budget?: number | undefined;
}

/**
 * Runs what is missing of a table, in the order given; what fails, does not fit or is not here never stops the rest. Throws
 * Interrupted when `signal` is aborted.
 */
export async function runTable(
  common: NonNullable<TablePlan['common']>,
  order: readonly RunState[],
  { events, signal, retryFailed, jobs, budget }: RunTableOptions,
): Promise<void> {
  await checkWritable(common.results);
  const start = performance.now();
  const memory = (await deviceMemory(common.engine.device)) / jobs;
  const pieces = await killedLast(
    order.flatMap(({ run, missing, estimate }) => missing.map((cell) => ({ run, cell, estimate }))),
    ({ cell }) => recordPath(common.results, addressOf(cell)),
  );
  const requests = new Map(pieces.map(({ run, cell }) => [cell, run.request!]));
  const attempter = await startExecutor(common, await codeVersion(), {
    retryFailed,
    jobs,
    requestOf: (cell) => requests.get(cell)!,
  });
  const whyNot = (estimate: Estimate | undefined): string | undefined => {
    if (estimate && estimate.leastBytes > memory) {
      return `it needs more than ${gibibytes(estimate.leastBytes)} of memory, ${jobs > 1 ? `each of ${jobs} jobs` : 'the device'} has ${gibibytes(memory)}`;
    }
    if (budget === undefined) return undefined;
    // What cannot be estimated cannot be kept within a time; jobs share the device that the estimate is for.
    const seconds = (estimate?.seconds ?? Infinity) * jobs;
    return (performance.now() - start) / 1000 + seconds > budget ? 'over the time of --budget' : undefined;
  };
  const skipped = new Set<TableRun>();
  const skip = (run: TableRun, reason: string): void => {
    if (!skipped.has(run)) events.onSkip(run, reason);
    skipped.add(run);
  };
  let started = 0;
  try {
    await runQueue(
      pieces,
      jobs,
      async ({ run, cell, estimate }, either) => {
        if (skipped.has(run)) return 'skipped';
        const reason = whyNot(estimate);
        if (reason !== undefined) {
          skip(run, reason);
          return 'skipped';
        }
        try {
          const [prepared] = await unlessAborted(prepareCells({ ...common, cells: [cell] }, { signal: either, onNote: events.onNote }), either); // prettier-ignore
          const attempted = await attempter.execute(
            prepared!,
            {
              onStart() {
                for (const { path, reason } of prepared!.place.broken)
                  events.onNote(`${path} is not used and stays as it is: ${reason}.`);
                events.onStart(cell, prepared!.counts, ++started, pieces.length);
              },
              onProgress(progress) {
                events.onProgress(progress, cell);
              },
              onNote: events.onNote,
            },
            either,
          );
          if (attempted !== 'busy') events.onEnd({ cell, ...attempted }, run);
          return attempted;
        } catch (error) {
          if (error instanceof Interrupted) throw error;
          skip(run, messageOf(error));
          return 'skipped';
        }
      },
      {
        signal,
        onWait(busy) {
          events.onNote(`Waiting for ${busy} cells that another sweep is doing.`);
        },
      },
    );
  } finally {
    await attempter.close();
  }
}
