import { join } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { didYouMean, UsageError } from '../data/errors.ts';
import type { ResultsTable } from '../papers/published.ts';
import type { PublishedTable } from '../reporting/published-table.ts';
import type { RunState, Scale, TablePlan, TableRun } from '../runs/reproduce.ts';
import type { SettingsTable } from '../runs/settings-table.ts';
import { Interrupted } from '../training/types.ts';
import { count, positive, retry, seeds } from './input.ts';
import { columns, note, print, printJson } from './output.ts';
import { createProgress } from './progress.ts';
import { stopOnSignals } from './stop.ts';
import { TableProgress } from './table-progress.ts';

interface ReproduceOptions {
  readonly scale: Scale;
  readonly tasks?: string[];
  readonly methods?: string[];
  readonly seeds?: number[];
  readonly budget?: number;
  readonly model: string[];
  readonly protocol?: string[];
  readonly engine: string;
  readonly device?: string;
  readonly threads?: number;
  readonly precision?: string;
  readonly maxSteps?: number;
  readonly limit?: number;
  readonly results: string;
  readonly out: string;
  readonly data?: string;
  readonly tokenizer?: string;
  readonly retry?: 'failed';
  readonly dryRun?: true;
  readonly json?: true;
}

/** `bench reproduce`: every cell of a published table, then the table: theirs, ours, verdict. */
export function reproduceCommand(): Command {
  return new Command('reproduce')
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
    .option('--seeds <numbers...>', "a run for each (default: the recipes')", seeds)
    .option('--budget <time>', 'start only what ends within it, as estimated: 6h, 90m', duration)
    .option(
      '--model <base=place...>',
      'where a base of the paper is, if not on the hub: roberta-large=FOLDER',
      [],
    )
    .option(
      '--protocol <sides...>',
      'where paper, code and good practice differ: published (the default), recommended (the default of mini), paper, code, corrected, or id=side',
    )
    .option('--engine <name>', 'what computes (see: list engines)', 'onnx')
    .option('--device <name>', 'cpu, webgpu, cuda, cuda:1')
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--precision <type>', 'of matrix products: float32 (default), bfloat16, float16')
    .option('--max-steps <number>', 'end training early; such numbers are not comparable', count)
    .option('--limit <number>', 'use only so many examples of every split; not comparable either', positive)
    .option('--results <folder>', 'where records lie', 'results')
    .option(
      '--data <place>',
      'built-in, hub, or a folder (default: DELTABENCH_DATA, else the hub; built-in for mini)',
    )
    .option('--tokenizer <folder>', "the tokenizer, where the model's own is not wanted or missing")
    .option('--out <folder>', "where a figure's chart is written", 'reports')
    .option('--retry <which>', 'failed: try failed runs again', retry)
    .option('--dry-run', 'print what would run and how long it takes, and stop')
    .option('--json', 'print one JSON document')
    .action(reproduce);
}

async function reproduce(id: string, options: ReproduceOptions): Promise<void> {
  const { redTables } = await import('../papers/red-tables.ts');
  const { reftGlueTable } = await import('../papers/reft-glue.ts');
  const { settingsTables } = await import('../runs/settings-table.ts');
  const results = [...redTables, reftGlueTable];
  const table = results.find((found) => found.id === id);
  if (table) await reproduceResults(table, options);
  else if (settingsTables.includes(id)) await showSettings(id, options);
  else {
    const known = [...results.map((found) => found.id), ...settingsTables].sort(byNumber);
    throw new UsageError(`There is no table "${id}".${didYouMean(id, known)} Tables: ${known.join(', ')}.`);
  }
}

async function reproduceResults(table: ResultsTable, options: ReproduceOptions): Promise<void> {
  const { orderRuns, planTable, protocolOf } = await import('../runs/reproduce.ts');
  const { loadMethods, loadTasks } = await import('../runs/plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const request = { ...options, table, bases: basesOf(options.model, table) };
  const plan = await planTable(request, methods, tasks);
  const protocol = protocolOf(request).join(' ');
  const { speed, states } = await inspect(plan, options.retry === 'failed');
  const order = orderRuns(states);
  const { comparePublished, formatPublished } = await import('../reporting/published-table.ts');
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
    if (!options.json) note(`\n${formatPublished(progress.compare())}\n`);
  });
  await progress.finish((task, metric) =>
    table.columns.some((column) => column.task === task && column.metric === metric),
  );
  const compared = progress.compare();
  if (options.json) printJson({ ...compared, comparisons: progress.comparisons, runs: progress.runs() });
  else print(formatPublished(compared));
  if (table.id.includes('/figure-')) await drawFigure(compared, options.out);
  if (progress.failed > 0) process.exitCode ??= 1;
}

async function drawFigure(compared: PublishedTable, folder: string): Promise<void> {
  const { drawPublishedRadar } = await import('../reporting/published-radar.ts');
  const { makeFolder, writeFileAtomic } = await import('../data/atomic.ts');
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
  const { inspectRuns } = await import('../runs/reproduce.ts');
  const { common } = plan;
  if (!common) return { speed: undefined, states: await inspectRuns(plan, { flops: 1, basis: '' }, false) };
  const { createEngine } = await import('../engine/create.ts');
  const { measureSpeed } = await import('../runs/estimate.ts');
  const { name, device, threads, precision } = common.engine;
  let speed;
  try {
    speed = await measureSpeed(
      await createEngine({ name, threads, precision, ...(device !== undefined && { device }) }),
    );
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UsageError(`The engine ${name} does not run: ${reason} "doctor" says what works here.`, {
      cause: error,
    });
  }
  return { speed, states: await inspectRuns(plan, speed, retryFailed) };
}

/** The runs in their order with hours and memory, as a table of text. */
function estimates(order: readonly RunState[], basis: string | undefined): string {
  const rows = order.map(({ run, missing, estimate, problem }) => {
    const { task, model, method } = nameOf(run);
    const seeds = `${missing.length} ${missing.length === 1 ? 'seed' : 'seeds'}`;
    const cost = estimate
      ? `${time(estimate.seconds)} each, ${time(estimate.seconds * missing.length)} in all, ${gibibytes(estimate.bytes)}`
      : `not known: ${problem ?? ''}`;
    return [task, model, method, seeds, cost];
  });
  const total = order.reduce(
    (sum, { missing, estimate }) => sum + missing.length * (estimate?.seconds ?? 0),
    0,
  );
  return `Estimated for this device from ${basis ?? 'earlier runs'}, or from finished seeds of the same cell; in this order:\n${columns(rows)}\nTogether ${time(total)}.`;
}

function time(seconds: number): string {
  if (seconds < 90) return `${Math.ceil(seconds)} s`;
  return seconds < 5400 ? `${Math.round(seconds / 60)} min` : `${(seconds / 3600).toFixed(1)} h`;
}

const gibibytes = (bytes: number): string => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

const nameOf = ({ row, task }: TableRun) => ({ task, model: row.model, method: row.method });

/** Runs what is missing; nothing that fails or is not here stops the rest. */
async function runAll(
  order: readonly RunState[],
  plan: TablePlan,
  table: TableProgress,
  options: ReproduceOptions,
  afterCell: () => void,
): Promise<void> {
  if (!plan.common || order.length === 0) return;
  const { executePlan } = await import('../runs/execute.ts');
  const { deviceMemory } = await import('../runs/estimate.ts');
  const progress = createProgress();
  const controller = stopOnSignals(() => {
    progress.stop();
  });
  const memory = await deviceMemory(plan.common.engine.device);
  const start = performance.now();
  for (const { run, missing, estimate } of order) {
    if (estimate && estimate.leastBytes > memory) {
      table.reason(run, `it needs more than ${gibibytes(estimate.leastBytes)} of memory, the device has ${gibibytes(memory)}`); // prettier-ignore
      continue;
    }
    const left =
      options.budget === undefined ? Infinity : options.budget - (performance.now() - start) / 1000;
    // What cannot be estimated cannot be kept within a time.
    const fits = missing.filter((_, i) => left === Infinity || (estimate !== undefined && (i + 1) * estimate.seconds <= left)); // prettier-ignore
    if (fits.length < missing.length) table.reason(run, 'over the time of --budget');
    if (fits.length === 0) continue;
    try {
      const outcomes = await executePlan(
        { ...plan.common, cells: fits },
        {
          signal: controller.signal,
          retryFailed: options.retry === 'failed',
          events: {
            onStart: ({ variant, seed, task, model }, _counts, number, total) => {
              note(`[${number}/${total}] ${task.name} · ${model} · ${variant.label} · seed ${seed}`);
            },
            onProgress: (done) => {
              progress.update(done);
            },
            onEnd: (record, path) => {
              progress.stop();
              table.add(run, { cell: fits.find(({ seed }) => seed === record.settings.seed)!, record, path });
              afterCell();
            },
            onNote: note,
          },
        },
      );
      for (const outcome of outcomes) table.add(run, outcome);
    } catch (error) {
      progress.stop();
      if (error instanceof Interrupted) {
        note('Stopped. The same command goes on from here.');
        process.exitCode = 130;
        for (const { run: open } of order.slice(order.findIndex((state) => state.run === run))) {
          table.reason(open, 'stopped');
        }
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      note(`not run: ${reason}`);
      table.reason(run, reason);
    }
  }
}

async function showSettings(
  id: string,
  { protocol, data, engine, results, json, scale }: ReproduceOptions,
): Promise<void> {
  const { settingsTable } = await import('../runs/settings-table.ts');
  const { loadMethods, loadTasks } = await import('../runs/plugins.ts');
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
