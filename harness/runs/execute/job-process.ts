/**
 * The program of a child process: it does the cells that the sweep names over its standard input, until that
 * ends.
 *
 * A cell cannot be sent to another process: its task and its methods are functions. So the sweep sends the
 * request, from which this process plans the same cells again, and the identity of the one it wants, a hash
 * of everything that decides its numbers. Where the identity differs, code, data or base have changed
 * meanwhile, and the cell is refused.
 */
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../support/errors.ts';
import { codeVersion } from '../../records/environment.ts';
import { startInProcess } from './in-process.ts';
import type { CellExecutor } from './executor.ts';
import type { ToJob } from './job-messages.ts';
import { serveMessages, tell, tellNote } from './serve-messages.ts';
import { once } from '../../support/once.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { addressOf, type RunRequest } from '../plan/cell.ts';
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

async function doCell(
  { request, address, identity }: Extract<ToJob, { kind: 'cell' }>,
  signal: AbortSignal,
): Promise<void> {
  const plan = await planOf(JSON.stringify(request));
  const cells = plan.cells.filter((cell) => isDeepStrictEqual(addressOf(cell), address));
  const [run] = await prepareCells({ ...plan, cells }, { signal, onNote: tellNote });
  if (run?.identity !== identity) {
    throw new UsageError('The code, the data or the base changed while the sweep ran; start it again.');
  }
  const result = await executor!.execute(
    run,
    {
      onStart() {
        tell({ kind: 'start' });
      },
      onProgress(progress) {
        tell({ kind: 'progress', ...progress });
      },
      onNote: tellNote,
    },
    signal,
  );
  tell(result === 'busy' ? { kind: 'busy' } : { kind: 'done', path: result.path });
}

await serveMessages<ToJob>((message, signal) =>
  message.kind === 'begin' ? begin(message) : doCell(message, signal),
);
