/**
 * The program of a child process: it does the cells that the sweep names over its standard input, until that
 * ends.
 *
 * A cell cannot be sent to another process: its task and its methods are functions. So the sweep sends the
 * request, from which this process plans the same cells again, and the identity of the one it wants, a hash
 * of everything that decides its numbers. Where the identity differs, code, data or base have changed
 * meanwhile, and the cell is refused.
 */
import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { codeVersion } from '../../records/environment.ts';
import { startInProcess } from './in-process.ts';
import type { CellExecutor } from './executor.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import { once } from '../../support/once.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { addressOf, type RunRequest } from '../plan/cell.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { prepareCells } from '../cell/prepare-cells.ts';

const tell = (message: FromJob): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};

// Ctrl-C reaches every process of a terminal; this one waits for the sweep's word to stop.
process.on('SIGINT', () => undefined);
const controller = new AbortController();
let executor: CellExecutor | undefined;

async function begin({ results, engine, retryFailed }: Extract<ToJob, { kind: 'begin' }>): Promise<void> {
  executor = await startInProcess({ results, engine }, await codeVersion(), retryFailed);
}

/** Plans a request, given as JSON, once for all of its cells. */
const planOf = once(async (request: string) => {
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  return planRuns(JSON.parse(request) as RunRequest, methods, tasks);
});

async function doCell({ request, address, identity }: Extract<ToJob, { kind: 'cell' }>): Promise<void> {
  const plan = await planOf(JSON.stringify(request));
  const cells = plan.cells.filter((cell) => isDeepStrictEqual(addressOf(cell), address));
  const [run] = await prepareCells(
    { ...plan, cells },
    {
      signal: controller.signal,
      onNote(text) {
        tell({ kind: 'note', text });
      },
    },
  );
  if (run?.identity !== identity) {
    throw new UsageError('The code, the data or the base changed while the sweep ran; start it again.');
  }
  const result = await executor!.execute(
    run,
    {
      onStart() {
        tell({ kind: 'start' });
      },
      onProgress({ phase, done, total, detail }) {
        tell({ kind: 'progress', phase, done, total, detail });
      },
      onNote(text) {
        tell({ kind: 'note', text });
      },
    },
    controller.signal,
  );
  tell(result === 'busy' ? { kind: 'busy' } : { kind: 'done', path: result.path });
}

async function answer(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Interrupted) tell({ kind: 'interrupted' });
    else if (error instanceof UsageError) tell({ kind: 'refused', message: error.message });
    else throw error;
  }
}

let work = Promise.resolve();
for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as ToJob;
  if (message.kind === 'stop') {
    controller.abort(new Interrupted('stopped by the sweep'));
    continue;
  }
  // Not awaited, so that a later message to stop is read.
  work = work.then(() => answer(message.kind === 'begin' ? begin(message) : doCell(message)));
}
// The sweep is gone; when it is started again, the cell goes on from its last checkpoint.
process.exit();
