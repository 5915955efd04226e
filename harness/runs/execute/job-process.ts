/**
 * The program of a child process: it does the cells that the sweep names over its standard input, until that
 * ends.
 *
 * A cell cannot be sent to another process: its task and its methods are functions. So the sweep sends the
 * request, from which this process plans the same cells again, and the identities of those it wants, hashes
 * of everything that decides their numbers. Where an identity differs, code, data or base have changed
 * meanwhile, and the cells are refused.
 */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../support/errors.ts';
import { codeVersion } from '../../records/environment.ts';
import { startInProcess } from './in-process.ts';
import type { CellEvents, CellExecutor } from './executor.ts';
import type { ToJob } from './job-messages.ts';
import { serveMessages, tell, tellNote } from './serve-messages.ts';
import { once } from '../../support/once.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { addressOf, type Cell, type RunRequest } from '../plan/cell.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { prepareCells } from '../cell/prepare-cells.ts';

let executor: CellExecutor | undefined;

async function begin({ results, engine, retryFailed }: Extract<ToJob, { kind: 'begin' }>): Promise<void> {
  executor = await startInProcess({ results, engine }, await codeVersion(), { retryFailed });
}

/** Plans a request, given as JSON, once for all of its cells. */
const planOf = once(async (request: string) => {
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  return planRuns(JSON.parse(request) as RunRequest, methods, tasks);
});

async function doCells(
  { request, cells: wanted }: Extract<ToJob, { kind: 'cells' }>,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planOf(JSON.stringify(request));
  const isWanted = (cell: Cell): boolean =>
    wanted.some(({ address }) => isDeepStrictEqual(addressOf(cell), address));
  const prepared = await prepareCells(
    { ...plan, cells: plan.cells.filter(isWanted) },
    { signal, onNote: tellNote },
  );
  const group = wanted.flatMap(({ identity }) => prepared.find((run) => run.identity === identity) ?? []);
  if (group.length < wanted.length) {
    throw new UsageError('The code, the data or the base changed while the sweep ran; start it again.');
  }
  await executor!.execute(group, (run) => eventsOf(group.indexOf(run)), signal);
  tell({ kind: 'done' });
}

/** Tells the sweep how the cell at this place of the message goes. */
const eventsOf = (at: number): CellEvents => ({
  onStart() {
    tell({ kind: 'start', at });
  },
  onProgress(progress) {
    tell({ kind: 'progress', at, ...progress });
  },
  onNote: tellNote,
  onEnd({ path }) {
    tell({ kind: 'record', at, path });
  },
});

await serveMessages<ToJob>((message, signal) =>
  message.kind === 'begin' ? begin(message) : doCells(message, signal),
);
