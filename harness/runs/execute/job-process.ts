import { createInterface } from 'node:readline';
import { isDeepStrictEqual } from 'node:util';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { codeVersion } from '../../records/environment.ts';
import { startInProcess } from './in-process.ts';
import type { CellExecutor } from './executor.ts';
import type { FromJob, ToJob } from './job-messages.ts';
import { planRuns } from '../plan/plan-runs.ts';
import { addressOf, type Plan, type RunRequest } from '../plan/cell.ts';
import { loadMethods, loadTasks } from '../plan/load-plugins.ts';
import { prepareCells } from '../cell/prepare-cells.ts';

/** The child process of a sweep: does the cells that it is told over its standard input, until that ends. */
const tell = (message: FromJob): void => {
  process.stdout.write(`${JSON.stringify(message)}\n`);
};
// Ctrl-C reaches every process of a terminal; the sweep says what is to be done.
process.on('SIGINT', () => undefined);
const controller = new AbortController();
let runner: CellExecutor | undefined;

async function begin({ results, engine, retryFailed }: Extract<ToJob, { kind: 'begin' }>): Promise<void> {
  runner = await startInProcess({ results, engine }, await codeVersion(), retryFailed);
}

const plans = new Map<string, Promise<Plan>>();
/** Plans a request once. */
function planOf(request: RunRequest): Promise<Plan> {
  const key = JSON.stringify(request);
  const plan =
    plans.get(key) ??
    Promise.all([loadMethods(), loadTasks()]).then((plugins) => planRuns(request, ...plugins));
  plans.set(key, plan);
  return plan;
}

async function doCell({ request, address, identity }: Extract<ToJob, { kind: 'cell' }>): Promise<void> {
  const plan = await planOf(request);
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
  const result = await runner!.execute(
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
  // Not awaited here, so that a wish to stop is heard.
  work = work.then(() => answer(message.kind === 'begin' ? begin(message) : doCell(message)));
}
// The sweep is gone: whoever starts it again goes on from the last checkpoint.
process.exit();
