/** Does what is missing of a plan: each cell under its lock, with a record at the end whatever happens to it. */
import type { Companion } from '../../training/loop/train-together.ts';
import { codeVersion } from '../../records/environment.ts';
import { killedLast, memoryNeed, wasKilled } from './out-of-memory.ts';
import type { Plan } from '../plan/cell.ts';
import { prepareCells, type PreparedCell } from '../cell/prepare-cells.ts';
import type { RunRecord } from '../../records/record.ts';
import { groupBySeed } from './group-by-seed.ts';
import { planNotes } from '../plan/plan-notes.ts';
import { runQueue } from './work-queue.ts';
import { unlessAborted } from '../../support/interruptible.ts';
import { checkWritable } from '../../records/record-files.ts';
import type { RecordedCell, CellExecutor, CellEvents, ExecuteOptions, Outcome } from './executor.ts';
import { removeLeftovers } from './claim-cell.ts';
import { startInProcess } from './in-process.ts';

/**
 * Runs the cells of a plan that have no record yet; a failed run is recorded and the rest goes on. Throws UsageError
 * before any training where something asked for cannot be used, and Interrupted when `signal` is aborted.
 */
export async function executePlan(plan: Plan, options: ExecuteOptions): Promise<Outcome[]> {
  await checkWritable(plan.results);
  // Asked before anything runs: the tree may change while training takes its time.
  const code = await codeVersion();
  const prepared = await unlessAborted(prepareCells(plan, { signal: options.signal, onNote: options.events.onNote }), options.signal); // prettier-ignore
  for (const { path, reason } of prepared.flatMap(({ place }) => place.broken)) {
    options.events.onNote(`${path} is not used and stays as it is: ${reason}.`);
  }
  for (const text of new Set([...prepared.flatMap(({ notes }) => notes), ...planNotes(prepared)]))
    options.events.onNote(text);
  if (plan.cells.some(({ source }) => source.kind === 'built-in')) {
    options.events.onNote(
      'Data: built-in, written by deltabench itself; --data hub or --data FOLDER takes the real data.',
    );
  }
  const isMissing = ({ place: { record } }: PreparedCell) =>
    record === undefined || (options.retryFailed && record.status === 'failed');
  const missing = await killedLast(prepared.filter(isMissing), ({ place }) => place.path);
  const groups = options.batchSeeds
    ? await groupBySeed(missing, plan.engine.name)
    : missing.map((run) => [run]);
  for (const { place, identity } of prepared) {
    if (place.record?.status === 'finished') await removeLeftovers(place.path, identity);
  }
  const numberOf = new Map(missing.map((run, i) => [run, i + 1]));
  const attempt = missing.length > 0 ? await startExecutor(plan, code, options) : undefined;
  const events = (run: PreparedCell): CellEvents => ({
    onStart() {
      options.events.onStart(run.cell, run.counts, numberOf.get(run)!, missing.length);
    },
    onProgress(progress) {
      options.events.onProgress(progress, run.cell);
    },
    onNote: options.events.onNote,
  });
  const done = new Map<PreparedCell, RecordedCell>();
  const attemptOne = async (run: PreparedCell, signal: AbortSignal, companion?: Companion): Promise<void> => {
    const attempted = await attempt!.execute(run, events(run), signal, companion);
    if (attempted === 'busy') return;
    options.events.onEnd(attempted.record, attempted.path, run.cell);
    done.set(run, attempted);
  };
  const isOpen = (run: PreparedCell): boolean => !done.has(run);
  const onWait = (): void => {
    options.events.onNote(`Waiting for ${missing.filter(isOpen).length} cells that another sweep is doing.`);
  };
  try {
    await runQueue(
      groups,
      options.jobs ?? 1,
      async (group, signal) => {
        await attemptTogether(group.filter(isOpen), signal, attemptOne);
        return group.some(isOpen) ? 'busy' : group;
      },
      { signal: options.signal, onWait },
    );
  } finally {
    await attempt?.close();
  }
  return prepared.map((run) => {
    const { cell, place } = run;
    return { cell, ...(done.get(run) ?? { record: place.record!, path: place.path }) };
  });
}

/** Does cells at once, the training of several in one program; what is thrown by one stops the others. */
async function attemptTogether(
  runs: readonly PreparedCell[],
  signal: AbortSignal,
  attempt: (run: PreparedCell, signal: AbortSignal, companion?: Companion) => Promise<void>,
): Promise<void> {
  const { trainTogether } = await import('../../training/loop/train-together.ts');
  const companions = runs.length > 1 ? trainTogether(runs.length) : [];
  const pieces = runs.map((run, i) => ({ run, companion: companions[i] }));
  const doPiece = async ({ run, companion }: (typeof pieces)[number], either: AbortSignal): Promise<true> => {
    await attempt(run, either, companion).finally(() => companion?.leave());
    return true;
  };
  await runQueue(pieces, runs.length, doPiece, { signal, onWait: () => undefined });
}

/** Starts what does cells; throws UsageError where the engine does not run. */
export async function startExecutor(
  plan: Pick<Plan, 'results' | 'engine'>,
  code: RunRecord['code'],
  { jobs = 1, requestOf, retryFailed }: Pick<ExecuteOptions, 'jobs' | 'requestOf' | 'retryFailed'>,
): Promise<CellExecutor> {
  if (!requestOf) return startInProcess(plan, code, retryFailed);
  const { startJobPool: startJobs } = await import('./job-pool.ts');
  const inChildren = startJobs(plan, code, { count: jobs, requestOf, retryFailed });
  const here = jobs > 1 ? inChildren : await startInProcess(plan, code, retryFailed);
  return {
    async execute(run, events, ...rest) {
      if (!(await wasKilled(run.place.path))) return here.execute(run, events, ...rest);
      events.onNote(
        `${run.place.path}: its last process was ended by force before it had saved anything, most likely for want of memory: ${memoryNeed(run)}. It begins again, after all others and in a process of its own.`,
      );
      return inChildren.execute(run, events, ...rest);
    },
    close: () => inChildren.close(),
  };
}
