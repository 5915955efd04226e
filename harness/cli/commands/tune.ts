/**
 * `bench tune`: tries settings of methods with equal budgets, chooses by validation, writes what it chose into
 * a file of recipes, and tests that once.
 */
import { join } from 'node:path';
import { Command, Option } from 'commander';
import { UsageError } from '../../support/errors.ts';
import type { Outcome } from '../../runs/execute/executor.ts';
import type { Plan, RunRequest } from '../../runs/plan/cell.ts';
import { strategies, type Strategy } from '../../runs/tune/rungs.ts';
import type { TunedMethod } from '../../runs/tune/tune.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { addChoiceOptions, checkLauncher, type ChoiceOptions } from '../arguments/choice-options.ts';
import { addOwnDataOptions, ownDataOf, type OwnDataOptions } from '../arguments/own-data.ts';
import { positive } from '../arguments/parse-values.ts';
import { addRunOptions, type RunOptions } from '../arguments/run-options.ts';
import { note, print, printJson, terminalWidth } from '../terminal/output.ts';
import { createReporter, type Reporter } from '../terminal/run-reporter.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';
import { edgeWarnings, plannedTuningText, tuningTable } from '../terminal/tuning-table.ts';

interface Options extends RunOptions, ChoiceOptions, OwnDataOptions {
  readonly space?: string[];
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
  addChoiceOptions(command)
    .option(
      '--space <values...>',
      'key=a,b, key=low..high or key=log:low..high (/n: n values in a grid); method.key=… for one method',
    )
    .option('--trials <number>', 'of each method', positive)
    .addOption(new Option('--strategy <name>', 'how trials are chosen').choices(strategies).default('random'))
    .option('--seeds-per-trial <number>', 'seeds over which a trial is averaged', positive, 1)
    .option('--unequal', 'allow methods different numbers of trials or training budgets');
  return addOwnDataOptions(addRunOptions(command)).action(tuneMethods);
}

async function tuneMethods(options: Options): Promise<void> {
  const { tune } = await import('../../runs/tune/tune.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = await requestOf(options);
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

async function requestOf(options: Options): Promise<RunRequest> {
  const { jobs = 1, task = [], method = [], recipe } = options;
  checkLauncher(options, jobs);
  if (recipe?.endsWith('.json')) throw new UsageError('--recipe: tuning makes such a file; leave it out.');
  if (task.length === 0) throw new UsageError('Say which tasks with --task (see: list tasks).');
  if (method.length === 0) throw new UsageError('Say which methods with --method (see: list methods).');
  const own = await ownDataOf(options, task);
  return {
    ...options,
    trials: undefined,
    settings: options.set,
    tasks: task,
    methods: method,
    models: options.model ?? [],
    ...(own && { own }),
  };
}

/** Does the stages of a tuning, here or on Slurm. */
class Stages {
  readonly #options: Options;
  #reporter;
  #controller: AbortController | undefined;
  readonly #said = new Set<string>();

  constructor(options: Options) {
    this.#options = options;
    this.#reporter = this.#newReporter();
  }

  stop(): void {
    this.#reporter.stop();
  }

  /** Does what is missing of a plan; undefined where Slurm does it. */
  readonly execute = async (plan: Plan, request: RunRequest): Promise<Outcome[] | undefined> => {
    const { launcher, slurm, retry, jobs = 1 } = this.#options;
    this.#reporter = this.#newReporter();
    for (const line of plan.read) this.#sayOnce(line);
    if (launcher === 'slurm' && !(await isDone(plan))) {
      const { submitMissing } = await import('../../runs/cluster/submit-missing.ts');
      const submitted = await submitMissing(plan, request, slurm, retry === 'failed');
      print(
        submitted
          ? `Submitted Slurm job ${submitted.job}: ${submitted.cells} runs in ${submitted.tasks} tasks.`
          : 'Slurm is doing the trials that are missing.',
      );
      note('The same command goes on when they are done; status shows how they go.');
      return undefined;
    }
    const { executePlan } = await import('../../runs/execute/execute-plan.ts');
    this.#controller ??= stopOnSignals(() => {
      this.#reporter.stop();
    });
    return executePlan(plan, {
      events: {
        ...this.#reporter.events,
        onNote: (text) => {
          this.#sayOnce(text);
        },
      },
      signal: this.#controller.signal,
      retryFailed: retry === 'failed',
      jobs,
      requestOf: () => request,
    });
  };

  /** Each stage has its own, which counts the runs of that stage and their time. */
  #newReporter(): Reporter {
    return createReporter((this.#options.jobs ?? 1) > 1);
  }

  /** Every stage has the same notes. */
  #sayOnce(text: string): void {
    if (this.#said.has(text)) return;
    this.#said.add(text);
    this.#reporter.events.onNote(text);
  }
}

/** Whether every cell of a plan has a record. */
async function isDone(plan: Plan): Promise<boolean> {
  const { prepareCells } = await import('../../runs/cell/prepare-cells.ts');
  return (await prepareCells(plan)).every(({ place }) => place.record !== undefined);
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
