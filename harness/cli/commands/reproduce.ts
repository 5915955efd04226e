import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { UsageError, didYouMean, messageOf } from '../../support/errors.ts';
import type { ResultsTable } from '../../papers/published-table.ts';
import { paperModel } from '../../papers/find-recipe.ts';
import type { PublishedTable } from '../../reporting/published/published-table.ts';
import { gibibytes } from '../../runs/reproduce/estimate.ts';
import type { RunState, Scale, TablePlan, TableRun } from '../../runs/reproduce/plan-table.ts';
import type { SettingsTable } from '../../runs/reproduce/settings-table.ts';
import { Interrupted } from '../../training/loop/job.ts';
import { durationText } from '../terminal/duration.ts';
import { columns, note, print, printJson, terminalWidth } from '../terminal/output.ts';
import { createReporter } from '../terminal/run-reporter.ts';
import { addRunOptions, type RunOptions } from '../arguments/run-options.ts';
import { endStopped, stopOnSignals } from '../terminal/stop-on-signals.ts';
import { TableProgress } from '../terminal/table-progress.ts';

interface Options extends RunOptions {
  readonly scale: Scale;
  readonly tasks?: string[];
  readonly methods?: string[];
  readonly budget?: number;
  readonly model: string[];
  readonly out: string;
}

/** `bench reproduce`: every cell of a published table, then the table: theirs, ours, verdict. */
export function reproduceCommand(): Command {
  const command = new Command('reproduce')
    .summary('run every cell of a published table and say which numbers hold')
    .description(
      'Runs the cells of a published table that are missing, the cheapest first, and prints theirs, ours, the difference and a verdict.',
    )
    .argument('<table>', 'red/table-1 to red/table-18, red/figure-2, reft/glue')
    .addOption(
      new Option('--scale <scale>', 'full, or mini: rehearse it on the built-in bases and data')
        .choices(['full', 'mini'])
        .default('full'),
    )
    .option('--tasks <names...>', 'run only these')
    .option('--methods <names...>', 'run only these')
    .option('--budget <time>', 'start only what ends within it, as estimated: 6h, 90m', duration)
    .option(
      '--model <base=place...>',
      'where a base of the paper is, if not on the hub: roberta-large=FOLDER',
      [],
    )
    .option('--out <folder>', "where a figure's chart is written", 'reports');
  return addRunOptions(command).action(reproduce);
}

async function reproduce(id: string, options: Options): Promise<void> {
  const { redTables } = await import('../../papers/red/tables.ts');
  const { reftGlueTable } = await import('../../papers/reft/glue.ts');
  const { settingsTables } = await import('../../runs/reproduce/settings-table.ts');
  const results = [...redTables, reftGlueTable];
  const table = results.find((found) => found.id === id);
  if (table) await reproduceResults(table, options);
  else if (settingsTables.includes(id)) await showSettings(id, options);
  else {
    const known = [...results.map((found) => found.id), ...settingsTables].sort(byNumber);
    throw new UsageError(`There is no table "${id}".${didYouMean(id, known)} Tables: ${known.join(', ')}.`);
  }
}

async function reproduceResults(table: ResultsTable, options: Options): Promise<void> {
  const { orderRuns, planTable, protocolOf } = await import('../../runs/reproduce/plan-table.ts');
  const { loadMethods, loadTasks } = await import('../../runs/plan/load-plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = { ...options, table, bases: basesOf(options.model, table) };
  const plan = await planTable(request, methods, tasks);
  const protocol = protocolOf(request).join(' ');
  const { speed, states } = await inspect(plan, options.retry === 'failed');
  const order = orderRuns(states);
  const { comparePublished, formatPublished } = await import('../../reporting/published/published-table.ts');
  const about = { protocol, rehearsal: options.scale === 'mini' };
  const progress = new TableProgress(states, (ours) => comparePublished(table, ours, about));
  if (options.dryRun && options.json) {
    printJson({
      ...{ table: table.id, scale: options.scale, protocol, speed },
      runs: order.map((state) => ({ ...nameOf(state.run), seeds: state.missing.map(({ seed }) => seed), estimate: state.estimate, problem: state.problem })), // prettier-ignore
      notRun: states.filter(({ run }) => run.reason !== undefined).map(({ run }) => ({ ...nameOf(run), reason: run.reason })), // prettier-ignore
    });
    return;
  }
  const say = options.dryRun ? print : note;
  if (order.length > 0) say(estimates(order, speed?.basis));
  if (options.dryRun) {
    if (order.length === 0) print('Nothing is left to run.');
    return;
  }
  await runAll(order, plan, progress, options, () => {
    if (!options.json) note(`\n${formatPublished(progress.compare(), terminalWidth())}\n`);
  });
  await progress.finish((task, metric) =>
    table.columns.some((column) => column.task === task && column.metric === metric),
  );
  const compared = progress.compare();
  if (options.json) printJson({ ...compared, comparisons: progress.comparisons, runs: progress.runs() });
  else print(formatPublished(compared, terminalWidth()));
  if (table.id.includes('/figure-')) await drawFigure(compared, options.out);
  if (progress.failed > 0) process.exitCode ??= 1;
}

async function drawFigure(compared: PublishedTable, folder: string): Promise<void> {
  const { drawPublishedRadar } = await import('../../reporting/published/radar.ts');
  const { makeFolder, writeFileAtomic } = await import('../../support/atomic-files.ts');
  const path = join(folder, `${compared.id.replace('/', '-')}.png`);
  await makeFolder(folder);
  await writeFileAtomic(path, await drawPublishedRadar(compared));
  note(`Drawn: ${path}`);
}

/** Where every run stands; the device is timed where anything can be run. */
async function inspect(
  plan: TablePlan,
  retryFailed: boolean,
): Promise<{ speed: { flops: number; basis: string } | undefined; states: RunState[] }> {
  const { inspectRuns } = await import('../../runs/reproduce/plan-table.ts');
  const { common } = plan;
  if (!common) return { speed: undefined, states: await inspectRuns(plan, { flops: 1, basis: '' }, false) };
  const { createEngine } = await import('../../engine/create.ts');
  const { measureSpeed } = await import('../../runs/reproduce/estimate.ts');
  const { name, device, threads, precision } = common.engine;
  let speed;
  try {
    speed = await measureSpeed(
      await createEngine({ name, threads, precision, ...(device !== undefined && { device }) }),
    );
  } catch (error) {
    const reason = messageOf(error);
    throw new UsageError(`The engine ${name} does not run: ${reason} "doctor" says what works here.`, {
      cause: error,
    });
  }
  return { speed, states: await inspectRuns(plan, speed, retryFailed) };
}

/** The runs in their order with time and memory, as a table of text; below it what could not be estimated, each reason once. */
function estimates(order: readonly RunState[], basis: string | undefined): string {
  const rows: string[][] = [];
  const unknown = new Map<string, string[]>();
  for (const { run, missing, estimate, problem = 'nobody knows why' } of order) {
    const { task, method } = nameOf(run);
    if (!estimate) {
      unknown.set(problem, [...(unknown.get(problem) ?? []), `${task} ${baseText(run)} ${method}`]);
      continue;
    }
    const { seconds, bytes } = estimate;
    const seeds = `${missing.length} ${missing.length === 1 ? 'seed' : 'seeds'}`;
    const time =
      seconds === undefined
        ? `unknown time (${task} has no sizes)`
        : `${durationText(seconds)} each, ${durationText(seconds * missing.length)} in all`;
    const cost = `${time}, ${gibibytes(bytes)}`;
    rows.push([task, baseText(run), method, seeds, cost]);
  }
  const total = order.reduce(
    (sum, { missing, estimate }) => sum + missing.length * (estimate?.seconds ?? 0),
    0,
  );
  const isPartlyUnknown = order.some(({ estimate }) => estimate && estimate.seconds === undefined);
  const known = `Estimated for this device from ${basis ?? 'earlier runs'}, or from finished seeds of the same cell; in this order:\n${columns(rows)}\nTogether ${durationText(total)}${isPartlyUnknown ? ' and what is unknown' : ''}.`;
  return [
    ...(rows.length > 0 ? [known] : []),
    ...[...unknown].map(([reason, names]) => `Not estimated: ${names.join(', ')}. ${reason}`),
  ].join('\n');
}

/** A run as the paper calls it, and the base that is run where another stands in. */
function nameOf({ row: { model, method }, task, cells: [cell] }: TableRun) {
  const base = cell !== undefined && paperModel(cell.model) !== model ? cell.model : undefined;
  return { task, model, ...(base !== undefined && { base }), method };
}

/** `roberta-mini for roberta-large`. */
function baseText(run: TableRun): string {
  const { model, base } = nameOf(run);
  return base === undefined ? model : `${base} for ${model}`;
}

/** Runs what is missing, and tells of it. */
async function runAll(
  order: readonly RunState[],
  { common }: TablePlan,
  table: TableProgress,
  { jobs = 1, budget, retry }: Options,
  afterCell: () => void,
): Promise<void> {
  if (!common || order.length === 0) return;
  const { runTable } = await import('../../runs/reproduce/run-table.ts');
  const reporter = createReporter(jobs > 1);
  const { signal } = stopOnSignals(() => {
    reporter.stop();
  });
  const told = new Set<string>();
  try {
    await runTable(common, order, {
      ...{ signal, jobs, budget, retryFailed: retry === 'failed' },
      events: {
        ...reporter.events,
        onEnd(outcome, run) {
          reporter.events.onEnd(outcome.record, outcome.path, outcome.cell);
          table.add(run, outcome);
          afterCell();
        },
        onSkip(run, reason) {
          const { task, method } = nameOf(run);
          table.reason(run, reason);
          // The table below names every row that a reason holds for.
          if (told.has(reason)) return;
          told.add(reason);
          reporter.events.onNote(`not run: ${task}, ${baseText(run)}, ${method}: ${reason}`);
        },
      },
    });
  } catch (error) {
    reporter.stop();
    if (!(error instanceof Interrupted)) throw error;
    endStopped();
    table.stopped();
  }
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

function settingsText({ id, caption, columns: names, rows, notes }: SettingsTable, protocol: string): string {
  const lines = rows.map(({ label, theirs, ours }) => [
    label,
    ...theirs.map((value, i) =>
      ours[i] === undefined || ours[i] === value ? value : `${value} → ${ours[i]}`,
    ),
  ]);
  return [
    `${id}: ${caption} (theirs; → ours under protocol ${protocol}, where it differs)`,
    columns([['', ...names], ...lines]),
    ...(notes.length > 0 ? [notes.join('\n')] : []),
  ].join('\n\n');
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
