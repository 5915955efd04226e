/** `bench run`: plans runs, does those that are missing here or by Slurm, and prints the table. */
import { Command, Option } from 'commander';
import { UsageError } from '../../support/errors.ts';
import type { Outcome, RunEvents } from '../../runs/execute/executor.ts';
import type { Plan, RunRequest } from '../../runs/plan/cell.ts';
import { Interrupted } from '../../training/loop/job.ts';
import type { EvaluatedRuns, RunEvaluations } from '../../runs/evaluate/evaluate-runs.ts';
import { findColumns } from '../../reporting/tables/cost-columns.ts';
import type { Row } from '../../reporting/tables/row.ts';
import { evaluationEvents } from '../terminal/evaluation-events.ts';
import { note, print, printJson, terminalWidth } from '../terminal/output.ts';
import { createProgress } from '../terminal/progress.ts';
import { createReporter } from '../terminal/run-reporter.ts';
import { addOwnDataOptions, ownDataOf, type OwnDataOptions } from '../arguments/own-data.ts';
import { addChoiceOptions, checkLauncher, type ChoiceOptions } from '../arguments/choice-options.ts';
import { columnsHelp } from '../arguments/columns-help.ts';
import { addRunOptions, baseWeightsHelp, type RunOptions } from '../arguments/run-options.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';
import { tellSubmitted } from '../terminal/submitted.ts';

interface Options extends RunOptions, ChoiceOptions, OwnDataOptions {
  readonly adapter?: string;
  readonly sweep?: string[];
  readonly trainExamples?: string[];
  readonly ablations?: true;
  readonly standingRows?: true;
  readonly baseWeights?: string;
  readonly evaluations?: string[];
  readonly columns?: string[];
  readonly log?: 'tensorboard';
}

/** The command `run`, which is the default one. */
export function runCommand(): Command {
  const command = new Command('run')
    .summary('run what is missing and print the table (the default command)')
    .description(
      'Trains and tests every combination of tasks, models, methods and seeds that has no record yet.',
    );
  addChoiceOptions(command)
    .option(
      '--adapter <path>',
      'instead of --method: begin with an adapter in the format of Hugging Face peft (only test it: --max-steps 0)',
    )
    .option(
      '--sweep <values...>',
      'key=a,b: a variant for each value of a hyper-parameter or an option; several multiply',
    )
    .option(
      '--train-examples <counts...>',
      'a variant for each number of training examples, or all; a seed draws fewer from among more',
    )
    .option('--ablations', "the methods' named ablations, too (see: list methods)")
    .option(
      '--standing-rows',
      'what methods are measured against, too: the frozen base or head alone, the most frequent answer, ' +
        'the copied input',
    )
    .option('--base-weights <type>', baseWeightsHelp)
    .option(
      '--evaluations <names...>',
      'evaluate what is trained: evaluations or groups, alone or as mmlu~shots=5,protocol=red; ' +
        'none for none (default: those of the task; see: list evaluations)',
    )
    .option('--columns <names...>', columnsHelp)
    .addOption(
      new Option(
        '--log <form>',
        'event files for TensorBoard in the results folder, written while runs go on',
      ).choices(['tensorboard']),
    );
  return addOwnDataOptions(addRunOptions(command)).action(run);
}

async function run(options: Options): Promise<void> {
  // A wrong name is told before anything is trained.
  if (options.columns) findColumns(options.columns);
  checkLauncher(options, options.jobs ?? 1);
  // Imported here, because help need not wait for them.
  const { planRuns } = await import('../../runs/plan/plan-runs.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const names = asked(options.task, '--task', `Tasks: ${[...tasks.keys()].join(', ')}, text, classify.`);
  const own = await ownDataOf(options, names);
  const request: RunRequest = {
    ...options,
    settings: options.set,
    tasks: names,
    ...(own && { own }),
    methods:
      options.adapter === undefined
        ? asked(options.method, '--method', `Methods: ${[...methods.keys()].join(', ')}.`)
        : (options.method ?? []),
    models: options.model ?? [],
  };
  const plan = await planRuns(request, methods, tasks);
  for (const line of plan.read) note(line);
  const { findRunEvaluations } = await import('../../runs/evaluate/evaluate-runs.ts');
  const evaluations = await findRunEvaluations(plan, request, { onNote: note });
  if (options.dryRun) await preview(plan, evaluations, options);
  else if (options.launcher === 'slurm') await submit(plan, evaluations, request, options);
  else await execute(plan, evaluations, request, options);
}

function asked(values: readonly string[] | undefined, option: string, help: string): readonly string[] {
  if (values?.length) return values;
  throw new UsageError(`Say which with ${option}. ${help}`);
}

async function preview(plan: Plan, evaluations: readonly RunEvaluations[], options: Options): Promise<void> {
  const { checkPlan } = await import('../../runs/execute/check-plan.ts');
  const { planNotes } = await import('../../runs/plan/plan-notes.ts');
  const { cellMemory } = await import('../../runs/memory/cell-memory.ts');
  const { baseWeightsText } = await import('../../models/bases/base-weights.ts');
  const { previewCells } = await import('../../runs/plan/preview.ts');
  const { memoryText } = await import('../terminal/memory-text.ts');
  const { dryRunText } = await import('../terminal/dry-run.ts');
  const { batchSeeds = false, launcher, jobs = 1 } = options;
  if (launcher === 'slurm') {
    const { parseSlurmOptions } = await import('../../runs/cluster/slurm.ts');
    parseSlurmOptions(options.slurm);
  }
  const checked = await checkPlan(plan, { batchSeeds, launcher, jobs });
  for (const line of planNotes(checked)) note(line);
  const previews = await previewCells({ ...plan, cells: checked.map(({ cell }) => cell) });
  const cells = previews.map((cell, i) => ({
    ...cell,
    baseWeights: baseWeightsText(checked[i]!.base.weights),
    memory: cellMemory(checked[i]!, options.recompute),
  }));
  if (options.json) {
    const named = evaluations.map(({ task, model, texts, from }) => ({
      task: task.name,
      model,
      texts,
      from,
    }));
    printJson({ cells, evaluations: named });
    return;
  }
  print(dryRunText(cells, ({ baseWeights, memory }) => memoryText(baseWeights, memory)));
  for (const { task, model, texts, from } of evaluations)
    print(`\nEvaluations of ${task.name} · ${model} (${from}): ${texts.join(', ')}`);
}

async function submit(
  plan: Plan,
  evaluations: readonly RunEvaluations[],
  request: RunRequest,
  options: Options,
): Promise<void> {
  const { submitMissing } = await import('../../runs/cluster/submit-missing.ts');
  const { untunedRates } = await import('../../runs/plan/plan-notes.ts');
  for (const line of untunedRates(plan.cells)) note(line);
  const how = { slurm: options.slurm, retryFailed: options.retry === 'failed' };
  const submitted = await submitMissing(plan, request, how, evaluations);
  tellSubmitted(submitted, 'run', { results: plan.results, json: options.json === true });
}

async function execute(
  plan: Plan,
  evaluations: readonly RunEvaluations[],
  request: RunRequest,
  options: Options,
): Promise<void> {
  const done = await executeAll(plan, evaluations, request, options);
  if (!done) return;
  await printTable(plan, done, options);
  const scored = done.evaluated.flatMap((one) => one.evaluated);
  tellFailed(done.outcomes, 'runs');
  tellFailed(scored, 'evaluations');
}

/** The runs of a plan, and what was evaluated of them. */
interface Done {
  readonly outcomes: readonly Outcome[];
  readonly evaluated: readonly EvaluatedRuns[];
}

/** Does what is missing of runs and evaluations; undefined where it was stopped. */
async function executeAll(
  plan: Plan,
  evaluations: readonly RunEvaluations[],
  request: RunRequest,
  options: Options,
): Promise<Done | undefined> {
  const { executePlan } = await import('../../runs/execute/execute-plan.ts');
  const { evaluateRuns } = await import('../../runs/evaluate/evaluate-runs.ts');
  const { jobs = 1, batchSeeds = false } = options;
  const reporter = createReporter(jobs > 1 || batchSeeds);
  const progress = createProgress();
  const { signal } = stopOnSignals(() => {
    reporter.stop();
    progress.stop();
  });
  const common = { signal, retryFailed: options.retry === 'failed', jobs };
  try {
    const logged = await logTo(options.log, plan.results, reporter.events);
    const { events } = logged;
    const outcomes = await executePlan(plan, {
      ...common,
      events,
      requestOf: () => request,
      batchSeeds,
    }).finally(logged.close);
    reporter.stop();
    const evaluated = await evaluateRuns(outcomes, evaluations, request, {
      ...common,
      events: evaluationEvents(progress),
    });
    if (options.columns) {
      const { measureColumns } = await import('../../runs/measure/measure-columns.ts');
      await measureColumns(findColumns(options.columns), outcomes, {
        engine: plan.engine,
        tokenizer: options.tokenizer,
        signal,
        onProgress(phase, done, total) {
          progress.update({ phase, done, total, detail: '' });
        },
      });
    }
    return { outcomes, evaluated };
  } catch (error) {
    if (!signal.aborted && !(error instanceof Interrupted)) throw error;
    endStopped();
    return undefined;
  } finally {
    reporter.stop();
    progress.stop();
  }
}

/** The events of runs, which are also logged where that was asked for. */
async function logTo(
  form: Options['log'],
  results: string,
  events: RunEvents,
): Promise<{ readonly events: RunEvents; readonly close: () => Promise<void> }> {
  if (form === undefined) return { events, close: () => Promise.resolve() };
  const { logToTensorboard } = await import('../../runs/log/tensorboard.ts');
  return logToTensorboard(results, events);
}

async function printTable(plan: Plan, { outcomes, evaluated }: Done, options: Options): Promise<void> {
  const { formatTable } = await import('../../reporting/tables/format-table.ts');
  const { tableRows } = await import('../../reporting/tables/compare-rows.ts');
  const table = await tableRows(outcomes);
  const { comparisons } = table;
  const rows = await withEvaluationColumns(table.rows, outcomes, evaluated);
  if (options.json) {
    const scored = evaluated.flatMap((one) => one.evaluated);
    const evaluations = scored.map(({ path, record }) => ({ path, ...record }));
    const runs = outcomes.map(({ path, record }) => ({ path, ...record }));
    printJson({ rows, comparisons, runs, ...(scored.length > 0 && { evaluations }) });
    return;
  }
  const columns = options.columns && findColumns(options.columns);
  print(formatTable(rows, comparisons, terminalWidth(), columns));
  note(`\nRecords: ${plan.results}`);
  const hasFinished = outcomes.some(({ record }) => record.status === 'finished');
  if (hasFinished && plan.cells.some(({ source }) => source.kind === 'built-in')) {
    note(
      'Next: a real base and its data (--model gpt2-medium), ' +
        'or more methods (--method red lora adapter; list methods).',
    );
  }
}

/** Tells how many failed, and sets the exit code where any did. */
function tellFailed(all: readonly { readonly record: { readonly status: string } }[], name: string): void {
  const failed = all.filter(({ record }) => record.status === 'failed').length;
  if (failed === 0) return;
  note(`${failed} of ${all.length} ${name} failed; --retry failed tries them again.`);
  process.exitCode = 1;
}

/** Adds the evaluations of runs to the rows of their table, as columns. */
async function withEvaluationColumns(
  rows: readonly Row[],
  outcomes: readonly Outcome[],
  evaluated: readonly EvaluatedRuns[],
): Promise<Row[]> {
  const { withEvaluations } = await import('../../reporting/evaluations/evaluation-columns.ts');
  const { columnName } = await import('../../runs/evaluate/choose-evaluations.ts');
  return rows.map((row) =>
    evaluated.reduce((whole, { plan, evaluated: all }) => {
      const named = plan.choices.flatMap(({ members }) => members);
      const asked = plan.choices.map(({ members, ...choice }) => ({
        ...choice,
        members: members.map((one) => ({ evaluation: one.evaluation, key: columnName(one, named) })),
      }));
      const paths = outcomes.flatMap(({ cell, record }) =>
        cell.task.name === row.task && cell.model === row.model && cell.variant.name === row.variant
          ? (record.files.tensors?.sha256 ?? [])
          : [],
      );
      const seeds = paths.map(
        (trained) =>
          new Map(
            all
              .filter(({ piece }) => piece.subject.trained === trained)
              .map(({ piece, record }) => [columnName(piece.chosen, named), record] as const),
          ),
      );
      return withEvaluations(
        whole,
        asked,
        seeds.filter((seed) => seed.size > 0),
      );
    }, row),
  );
}
