/**
 * `bench tune`: tries settings of methods with equal budgets, chooses by validation, writes what it chose into
 * a file of recipes, and tests that once.
 */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { UsageError } from '../../support/errors.ts';
import type { RunRequest } from '../../runs/plan/cell.ts';
import { strategies, type Strategy } from '../../runs/tune/rungs.ts';
import type { TunedMethod } from '../../runs/tune/tune.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { positive } from '../arguments/parse-values.ts';
import { addTuningOptions, tuningRequest, type TuningOptions } from '../arguments/tuning-options.ts';
import { note, print, printJson, terminalWidth } from '../terminal/output.ts';
import { endStopped } from '../terminal/stop-on-signals.ts';
import { Stages } from '../terminal/tuning/tuning-stages.ts';
import { edgeWarnings, plannedTuningText, tuningTable } from '../terminal/tuning/tuning-table.ts';

interface Options extends TuningOptions {
  readonly trials?: number;
  readonly strategy: Strategy;
  readonly seedsPerTrial: number;
  readonly unequal?: true;
}

/** The name of the file of recipes in a results folder. */
const fileName = 'tuned.json';

/** The command `tune`. */
export function tuneCommand(): Command {
  const command = new Command('tune')
    .summary('tune methods with equal budgets, by validation alone, and test what is chosen once')
    .description(
      'Tries settings of every method with equally many trials of equal length, chooses by validation, ' +
        `writes the recipes into ${fileName} of the results folder, and runs these with the test split.`,
    );
  return addTuningOptions(command)
    .option('--trials <number>', 'of each method', positive)
    .addOption(new Option('--strategy <name>', 'how trials are chosen').choices(strategies).default('random'))
    .option('--seeds-per-trial <number>', 'seeds over which a trial is averaged', positive, 1)
    .option('--unequal', 'allow methods different numbers of trials or training budgets')
    .action(tuneMethods);
}

async function tuneMethods(options: Options): Promise<void> {
  const { tune } = await import('../../runs/tune/tune.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = await tuningRequest(options, options.method);
  const { space, trials, strategy, seedsPerTrial, unequal = false } = options;
  if (!space?.length)
    throw new UsageError('Say what to try with --space, such as --space lr=log:1e-4..1e-1.');
  if (options.dryRun) {
    const { previewTuning } = await import('../../runs/tune/tune.ts');
    const how = { space, trials, strategy, seedsPerTrial, unequal };
    const planned = await previewTuning(request, how, { methods, tasks });
    if (options.json) printJson(planned);
    else print(plannedTuningText(planned, seedsPerTrial, terminalWidth()));
    return;
  }
  const stages = new Stages(options);
  const context = { methods, tasks, execute: stages.execute };
  try {
    const found = await tune(request, { space, trials, strategy, seedsPerTrial, unequal }, context);
    if (found) await finish(found, request, options, context);
  } catch (error) {
    stages.stop();
    if (!(error instanceof Interrupted)) throw error;
    endStopped();
  }
}

/** Writes what was chosen, runs it with the test split, and prints both tables. */
async function finish(
  found: readonly TunedMethod[],
  request: RunRequest,
  options: Options,
  context: Parameters<typeof import('../../runs/tune/tune.ts').tune>[2],
): Promise<void> {
  const { addToRecipeFile } = await import('../../runs/tune/recipe-file.ts');
  const { planRuns } = await import('../../runs/plan/plan-runs.ts');
  const file = join(request.results, fileName);
  const chosen = found.flatMap(({ best }) => best?.entry ?? []);
  await addToRecipeFile(file, chosen);
  const hopeless = found.filter(({ best }) => !best);
  const methods = request.methods.filter((text) => !hopeless.some(({ method }) => method === text));
  if (!options.json) {
    print(tuningTable(found, terminalWidth()));
    for (const line of edgeWarnings(found)) note(line);
    note(`Recipes: ${file}; run --recipe ${file} takes them.`);
  }
  const final: RunRequest = { ...request, methods, recipe: file };
  const outcomes =
    methods.length === 0
      ? []
      : await context.execute(await planRuns(final, context.methods, context.tasks), final);
  if (!outcomes) return;
  const { formatTable } = await import('../../reporting/tables/format-table.ts');
  const { tableRows } = await import('../../reporting/tables/compare-rows.ts');
  const { rows, comparisons } = await tableRows(outcomes);
  if (options.json) {
    const runs = outcomes.map(({ path, record }) => ({ path, ...record }));
    printJson({ tuned: found, warnings: edgeWarnings(found), recipes: file, rows, comparisons, runs });
  } else if (rows.length > 0) {
    print(`\n${formatTable(rows, comparisons, terminalWidth())}`);
    note(`\nRecords: ${request.results}`);
  }
  if (hopeless.length > 0 || outcomes.some(({ record }) => record.status === 'failed')) process.exitCode = 1;
}
