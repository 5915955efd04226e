/** `bench rerun`: does the run of a record again, and tells what differs. */
import { Command } from 'commander';
import { UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { positive } from '../arguments/parse-values.ts';
import { note, print, printJson, terminalWidth } from '../terminal/output.ts';
import { createReporter } from '../terminal/run-reporter.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';

interface Options {
  readonly data?: string;
  readonly tokenizer?: string;
  readonly threads?: number;
  readonly json?: true;
}

/** The command `rerun`. */
export function rerunCommand(): Command {
  return new Command('rerun')
    .summary('do one run again, with the settings of its record, and tell what differs')
    .description(
      'Trains and tests what a record describes once more, whether it finished or failed. ' +
        'The new record takes the place of the old one when it is done.',
    )
    .argument('<record>', "a run's record, results/…/seed-42.json")
    .option('--data <place>', 'where the data lie (default: as for run)')
    .option('--tokenizer <folder>', "the tokenizer, where it is not the base's own")
    .option('--threads <number>', 'threads of the CPU (default: as many as the record has)', positive)
    .option('--json', 'print one JSON document')
    .action(rerun);
}

async function rerun(path: string, options: Options): Promise<void> {
  const { readRun, resultsOf } = await import('../../reporting/diff/read-run.ts');
  const { diffRuns } = await import('../../reporting/diff/diff-runs.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const { checkSameRun, planAgain } = await import('../../runs/rerun/plan-again.ts');
  const { executePlan } = await import('../../runs/execute/execute-plan.ts');
  const { runDiffText } = await import('../terminal/run-diff.ts');
  // Read whole before anything is written: the run overwrites the files beside the record.
  const before = await readRun(path);
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const plan = await planAgain(before.record, { ...options, results: resultsOf(path) }, methods, tasks);
  await checkSameRun(plan, path, before.record);
  const reporter = createReporter(false);
  const { signal } = stopOnSignals(() => {
    reporter.stop();
  });
  try {
    await executePlan(plan, { events: reporter.events, signal, retryFailed: true, again: true });
  } catch (error) {
    if (!signal.aborted && !(error instanceof Interrupted)) throw error;
    endStopped();
    return;
  } finally {
    reporter.stop();
  }
  const after = await readRun(path);
  if (after.record.attempt <= before.record.attempt) {
    throw new UsageError(`${path} was not done again: another sweep is doing it.`);
  }
  const found = diffRuns(before, after);
  if (options.json) printJson({ path, ...found, run: after.record });
  else print(runDiffText(found, ['before', 'after'], { most: 3, width: terminalWidth() }));
  if (after.record.status === 'failed') process.exitCode = 1;
  note(`\nRecord: ${path}`);
}
