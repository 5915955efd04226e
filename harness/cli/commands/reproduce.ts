/**
 * `bench reproduce`: runs every cell of a published table, then prints the table: theirs, ours, difference,
 * verdict.
 */
import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import type { ResultsTable } from '../../papers/published-table.ts';
import type { PublishedTable } from '../../reporting/published/published-table.ts';
import type { TableResults } from '../../reporting/published/table-results.ts';
import type { Outcome } from '../../runs/execute/executor.ts';
import type { OpenColumns } from '../../runs/reproduce/evaluate-table.ts';
import type { RunState } from '../../runs/reproduce/inspect-runs.ts';
import type { Scale, TablePlan } from '../../runs/reproduce/plan-table.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { addRunOptions, type RunOptions } from '../arguments/run-options.ts';
import { note, print, printJson, terminalWidth } from '../terminal/output.ts';
import {
  baseText,
  estimatesText,
  evaluationsText,
  nameOf,
  nothingLeftText,
  settingsText,
  type Budget,
} from '../terminal/reproduce-text.ts';
import { evaluationEvents } from '../terminal/evaluation-events.ts';
import { createProgress, type Progress } from '../terminal/progress.ts';
import { createReporter, type Reporter } from '../terminal/run-reporter.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';

interface Options extends RunOptions {
  readonly scale: Scale;
  readonly tasks?: string[];
  readonly methods?: string[];
  readonly budget?: number;
  readonly model: string[];
  readonly out: string;
}

/** The command `reproduce`. */
export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .summary('run every cell of a published table and say which numbers hold')
    .description(
      'Runs the cells of a published table that are missing, the cheapest first, evaluates what they train ' +
        'where the table does, and prints theirs, ours, the difference and a verdict.',
    )
    .argument(
      '<table>',
      'red/table-1 to red/table-18, red/figure-2, reft/glue, reft/commonsense, reft/arithmetic, reft/instruct, ' +
        'peft/metamathqa',
    )
    .addOption(
      new Option('--scale <scale>', 'full, or mini: rehearse it on the built-in bases and data')
        .choices(['full', 'mini'])
        .default('full'),
    )
    .option('--tasks <names...>', 'run only these, or evaluate only by these')
    .option('--methods <names...>', 'run only these')
    .option('--budget <time>', 'start only what ends within it, as estimated: 6h, 90m', duration)
    .option(
      '--model <base=place...>',
      'where a base of the paper is, if not on the hub: roberta-large=FOLDER',
      [],
    )
    .option('--out <folder>', "where a figure's charts are written", 'reports');
  return addRunOptions(command).action(reproduce);
}

async function reproduce(id: string, options: Options): Promise<void> {
  const { redTables } = await import('../../papers/red/tables.ts');
  const { reftGlueTable } = await import('../../papers/reft/glue.ts');
  const { metamathTable } = await import('../../papers/peft/metamathqa.ts');
  const { reftSuiteTables } = await import('../../papers/reft/reasoning.ts');
  const { settingsTables } = await import('../../runs/reproduce/settings-table.ts');
  const results = [...redTables, reftGlueTable, ...reftSuiteTables, metamathTable];
  const table = results.find((found) => found.id === id);
  if (table) await reproduceResults(table, options);
  else if (settingsTables.includes(id)) await showSettings(id, options);
  else {
    const known = [...results.map((found) => found.id), ...settingsTables].sort(byNumber);
    throw new UsageError(`There is no table "${id}".${didYouMean(id, known)} Tables: ${known.join(', ')}.`);
  }
}

async function reproduceResults(table: ResultsTable, options: Options): Promise<void> {
  const { planTable, protocolOf } = await import('../../runs/reproduce/plan-table.ts');
  const { inspectTable, orderRuns } = await import('../../runs/reproduce/inspect-runs.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const { comparePublished, formatPublished } = await import('../../reporting/published/published-table.ts');
  const { TableResults } = await import('../../reporting/published/table-results.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = { ...options, table, bases: basesOf(options.model, table) };
  const plan = await planTable(request, methods, tasks);
  const { speed, states } = await inspectTable(plan, options.retry === 'failed');
  const order = orderRuns(states);
  const budget = await findBudget(order, plan, options);
  const protocol = protocolOf(request).join(' ');
  if (options.dryRun) {
    const about = { table: table.id, scale: options.scale, protocol, speed };
    if (options.json) printJson({ ...about, ...dryRunJson(order, states, budget, plan.evaluations) });
    else {
      const { evaluations } = plan;
      print(
        order.length > 0
          ? estimatesText(order, speed?.basis, budget)
          : nothingLeftText(states, terminalWidth(), evaluations !== undefined),
      );
      if (evaluations) print(evaluationsText(evaluations, terminalWidth()));
    }
    return;
  }
  if (order.length > 0) note(estimatesText(order, speed?.basis, budget));
  const about = { protocol, rehearsal: options.scale === 'mini' };
  const results = new TableResults<Outcome>(
    states,
    (ours) => comparePublished(table, ours, about),
    plan.evaluations,
  );
  await runAll(order, plan, results, options);
  if (plan.evaluations) {
    const { lastJudgements } = await import('../../records/read-judgements.ts');
    results.addJudgements(await lastJudgements(options.results));
  }
  await results.finish((task, metric) =>
    table.columns.some((column) => column.task === task && column.metric === metric),
  );
  const compared = results.compare();
  if (options.json) {
    const evaluations = plan.evaluations && { evaluations: results.evaluations() };
    printJson({ ...compared, comparisons: results.comparisons, runs: results.records(), ...evaluations });
  } else print(formatPublished(compared, terminalWidth()));
  if (table.id.includes('/figure-')) await drawFigure(compared, options.out);
  if (results.failed > 0) process.exitCode ??= 1;
}

/** How many seeds of each run fit --budget, where it is given. */
async function findBudget(
  order: readonly RunState[],
  { common }: TablePlan,
  { budget, jobs = 1, batchSeeds }: Options,
): Promise<Budget | undefined> {
  if (budget === undefined || !common) return undefined;
  const { findLimits, seedsWithin } = await import('../../runs/reproduce/run-limits.ts');
  const limits = await findLimits(common.engine, { jobs, budget, batchSeeds: batchSeeds ?? false });
  return { seconds: budget, fits: seedsWithin(order, limits) };
}

/** The runs of a dry run, and those that are not run with the reason. */
function dryRunJson(
  order: readonly RunState[],
  states: readonly RunState[],
  budget: Budget | undefined,
  evaluations: TablePlan['evaluations'],
) {
  return {
    ...(evaluations && { evaluations }),
    runs: order.map(({ run, missing, estimate, problem }, i) => ({
      ...nameOf(run),
      seeds: missing.map(({ seed }) => seed),
      estimate,
      problem,
      ...(budget && { fitsBudget: budget.fits[i] }),
    })),
    notRun: states
      .filter(({ run }) => run.reason !== undefined)
      .map(({ run }) => ({ ...nameOf(run), reason: run.reason })),
  };
}

async function drawFigure(compared: PublishedTable, folder: string): Promise<void> {
  const { drawPublishedBars, drawPublishedRadar } = await import('../../reporting/published/radar.ts');
  const { makeFolder, writeFileAtomic } = await import('../../support/atomic-files.ts');
  await makeFolder(folder);
  const name = compared.id.replace('/', '-');
  const pictures = {
    [`${name}.png`]: await drawPublishedRadar(compared),
    [`${name}-bars.png`]: await drawPublishedBars(compared),
  };
  for (const [file, picture] of Object.entries(pictures)) {
    await writeFileAtomic(join(folder, file), picture);
    note(`Drawn: ${join(folder, file)}`);
  }
}

/** Runs and evaluates what is missing, with lines of progress; the table itself is printed when all has ended. */
async function runAll(
  order: readonly RunState[],
  plan: TablePlan,
  results: TableResults<Outcome>,
  options: Options,
): Promise<void> {
  const begun = performance.now();
  const reporter = createReporter((options.jobs ?? 1) > 1 || options.batchSeeds === true);
  const progress = createProgress();
  const { signal } = stopOnSignals(() => {
    reporter.stop();
    progress.stop();
  });
  try {
    const columns = await openTable(plan, results, signal);
    // Nothing is trained for columns none of which can be evaluated.
    if (columns?.columns.every(({ reason }) => reason !== undefined)) return;
    await runMissing(order, plan, results, { ...options, reporter, signal });
    reporter.stop();
    if (columns) await evaluateAll(columns, plan, results, { ...options, progress, signal, begun });
  } catch (error) {
    if (!signal.aborted && !(error instanceof Interrupted)) throw error;
    endStopped();
    results.stop();
  } finally {
    reporter.stop();
    progress.stop();
  }
}

/** Reads the data of the columns that are evaluations; undefined where the table has none. */
async function openTable(
  { evaluations, runs }: TablePlan,
  results: TableResults<Outcome>,
  signal: AbortSignal,
): Promise<OpenColumns | undefined> {
  const request = runs.find((run) => run.request && run.reason === undefined)?.request;
  if (!evaluations || !request) return undefined;
  const { openColumns } = await import('../../runs/reproduce/evaluate-table.ts');
  const opened = await openColumns(evaluations, request, { signal, onNote: note });
  for (const { task, reason } of opened.columns) {
    if (reason === undefined) continue;
    results.leaveOutColumn(task, reason);
    note(`not evaluated: ${task}: ${reason}`);
  }
  return opened;
}

/** Runs what is missing. */
async function runMissing(
  order: readonly RunState[],
  { common }: TablePlan,
  results: TableResults<Outcome>,
  { jobs = 1, budget, batchSeeds, ...more }: Options & { reporter: Reporter; signal: AbortSignal },
): Promise<void> {
  if (!common || order.length === 0) return;
  const { runTable } = await import('../../runs/reproduce/run-table.ts');
  const { retry, reporter, signal } = more;
  const told = new Set<string>();
  const events: Parameters<typeof runTable>[2]['events'] = {
    ...reporter.events,
    onEnd(outcome, run) {
      reporter.events.onEnd(outcome.record, outcome.path, outcome.cell);
      results.add(run, outcome);
    },
    onSkip(run, reason) {
      const { task, method } = nameOf(run);
      results.leaveOut(run, reason);
      // A reason is told once; the table names every row that it holds for.
      if (told.has(reason)) return;
      told.add(reason);
      reporter.events.onNote(`not run: ${task}, ${baseText(run)}, ${method}: ${reason}`);
    },
  };
  const how = { jobs, budget, batchSeeds: batchSeeds ?? false, retryFailed: retry === 'failed' };
  await runTable(common, order, { ...how, signal, events });
}

/** Evaluates what the table's runs trained, where there is no record. */
async function evaluateAll(
  columns: OpenColumns,
  { runs }: TablePlan,
  results: TableResults<Outcome>,
  {
    jobs,
    budget = Infinity,
    retry,
    ...more
  }: Options & { progress: Progress; signal: AbortSignal; begun: number },
): Promise<void> {
  const { evaluateTable } = await import('../../runs/reproduce/evaluate-table.ts');
  const { request } = runs.find((run) => run.request)!;
  const wanted = new Set(runs.flatMap((run) => (run.reason === undefined ? run.cells : [])));
  const outcomes = results.outcomes.filter(({ cell }) => wanted.has(cell));
  await evaluateTable(outcomes, columns, request!, {
    jobs,
    signal: more.signal,
    retryFailed: retry === 'failed',
    events: evaluationEvents(more.progress),
    deadline: more.begun + 1000 * budget,
    onColumn(task, evaluated) {
      results.addEvaluations(task, evaluated);
    },
    onSkip(task, reason) {
      results.leaveOutColumn(task, reason);
      note(`not evaluated: ${task}: ${reason}`);
    },
  });
}

async function showSettings(
  id: string,
  { protocol, data, engine, results, json, scale }: Options,
): Promise<void> {
  const { settingsTable } = await import('../../runs/reproduce/settings-table.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const sides = protocol ?? ['published'];
  const source = data ?? (scale === 'mini' ? 'built-in' : undefined);
  const table = await settingsTable(id, { protocol: sides, data: source, engine, results }, methods, tasks);
  if (json) printJson({ protocol: sides.join(' '), ...table });
  else print(settingsText(table, sides.join(' ')));
}

/** `roberta-large=FOLDER` of each base. */
function basesOf(words: readonly string[], { rows }: ResultsTable): ReadonlyMap<string, string> {
  const known = [...new Set(rows.map(({ model }) => model))];
  return new Map(
    words.map((word) => {
      const [, base, place] = /^([^=]+)=(.+)$/.exec(word) ?? [];
      if (base !== undefined && place !== undefined && known.includes(base)) return [base, place] as const;
      throw new UsageError(`--model ${word}: give base=place; the bases here are ${known.join(', ')}.`);
    }),
  );
}

/** Seconds of `6h`, `90m` or `45s`. */
function duration(text: string): number {
  const [, amount, unit] = /^(\d+(?:\.\d+)?)([hms])$/.exec(text) ?? [];
  if (amount === undefined) throw new InvalidArgumentError('It must be a time such as 6h, 90m or 45s.');
  return Number(amount) * { h: 3600, m: 60, s: 1 }[unit as 'h' | 'm' | 's'];
}

/** `table-2` before `table-10`. */
function byNumber(a: string, b: string): number {
  return a.localeCompare(b, 'en', { numeric: true });
}
