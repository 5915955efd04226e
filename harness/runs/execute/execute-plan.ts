/**
 * Does what is missing of a plan: each cell under its lock, with a record at the end whatever happens to it.
 * Several sweeps may share a results folder; a cell that another one is doing is waited for.
 */
import { counted } from '../../support/counted.ts';
import { codeVersion } from '../../records/environment.ts';
import { checkWritable } from '../../records/record-files.ts';
import type { RunRecord } from '../../records/record.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { attachCells, prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import { checkMemory } from '../memory/cell-memory.ts';
import type { Plan } from '../plan/cell.ts';
import { planNotes } from '../plan/plan-notes.ts';
import { removeLeftovers } from './claim-cell.ts';
import type { CellEvents, ExecuteOptions, Outcome, RecordedCell, RunEvents } from './executor.ts';
import { groupBySeed } from './group-by-seed.ts';
import { memoryRisk, riskyLast } from './out-of-memory.ts';
import { startExecutor } from './start-executor.ts';
import { runQueue } from './work-queue.ts';

/**
 * Runs the cells of a plan that have no record yet; a failed run is recorded and the others go on. Throws
 * UsageError before any training where something asked for cannot be used, and Interrupted when `signal` is
 * aborted.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions): Promise<Outcome[]> {
  const { events, signal, retryFailed, again = false } = options;
  await checkWritable(plan.results);
  // Asked before anything runs: the source may change while training takes its time.
  const code = await codeVersion();
  const fetching = { signal, onNote: events.onNote };
  await checkMemory(await attachCells(plan, fetching), plan.engine.device, options.jobs ?? 1);
  const prepared = await unlessAborted(prepareCells(plan, fetching), signal);
  tellNotes(plan, prepared, events);
  const missing = again ? prepared : await findMissing(prepared, retryFailed, plan.engine.recompute);
  const groups = options.batchSeeds ? groupBySeed(missing) : missing.map((run) => [run]);
  for (const { place, identity } of prepared) {
    if (place.record?.status === 'finished' && !again) await removeLeftovers(place.path, identity);
  }
  const recorded = missing.length > 0 ? await executeGroups(groups, plan, code, options) : undefined;
  return prepared.map((run) => {
    const { cell, place } = run;
    return { cell, ...(recorded?.get(run) ?? { record: place.record!, path: place.path }) };
  });
}

/** Tells what the user should know before anything runs. */
function tellNotes(plan: Plan, prepared: readonly PreparedCell[], { onNote }: RunEvents): void {
  for (const { path, reason } of prepared.flatMap(({ place }) => place.broken)) {
    onNote(`${path} is not used and stays as it is: ${reason}.`);
  }
  const notes = new Set([...prepared.flatMap((run) => run.notes), ...planNotes(prepared)]);
  for (const text of notes) onNote(text);
  if (plan.cells.some(({ source }) => source.kind === 'built-in')) {
    onNote('Data: built-in, written by deltabench itself; --data hub or --data FOLDER takes the real data.');
  }
}

/**
 * The cells without a record, or with a failed one where these are tried again; those whose process may
 * be killed last.
 */
function findMissing(
  prepared: readonly PreparedCell[],
  retryFailed: boolean,
  recompute: boolean,
): Promise<PreparedCell[]> {
  const isMissing = ({ place: { record } }: PreparedCell) =>
    record === undefined || (retryFailed && record.status === 'failed');
  const isRisky = async (run: PreparedCell) => (await memoryRisk(run, recompute)) !== undefined;
  return riskyLast(prepared.filter(isMissing), isRisky);
}

/** Executes groups of cells, those of a group in one program; returns the records by cell. */
async function executeGroups(
  groups: readonly (readonly PreparedCell[])[],
  plan: Plan,
  code: RunRecord['code'],
  options: ExecuteOptions,
): Promise<ReadonlyMap<PreparedCell, RecordedCell>> {
  const { events, signal, jobs = 1 } = options;
  const missing = groups.flat();
  const recorded = new Map<PreparedCell, RecordedCell>();
  const isOpen = (run: PreparedCell): boolean => !recorded.has(run);
  const executor = await startExecutor(plan, code, options);
  const eventsOf = (run: PreparedCell): CellEvents => ({
    onStart() {
      events.onStart(run.cell, run.counts, missing.indexOf(run) + 1, missing.length);
    },
    onProgress(progress) {
      events.onProgress(progress, run.cell);
    },
    onNote: events.onNote,
    onEnd(result) {
      recorded.set(run, result);
      events.onEnd(result.record, result.path, run.cell);
    },
  });
  const onWait = (): void => {
    events.onNote(
      `Waiting for ${counted(missing.filter(isOpen).length, 'cell')} that another sweep is doing.`,
    );
  };
  try {
    await runQueue(
      groups,
      jobs,
      async (group, stop) => {
        await executor.execute(group.filter(isOpen), eventsOf, stop);
        return group.some(isOpen) ? 'busy' : group;
      },
      { signal, onWait },
    );
  } finally {
    await executor.close();
  }
  return recorded;
}
