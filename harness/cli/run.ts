import { Command } from 'commander';
import { UsageError } from '../data/errors.ts';
import type { Outcome, RunEvents } from '../runs/execute.ts';
import type { Cell, Plan } from '../runs/plan.ts';
import { Interrupted } from '../training/types.ts';
import { count, positive, seeds } from './input.ts';
import { note, print, printJson, trainableLine } from './output.ts';
import { createProgress } from './progress.ts';
import { stopOnSignals } from './stop.ts';

interface RunOptions {
  readonly task?: string[];
  readonly method?: string[];
  readonly adapter?: string;
  readonly model?: string[];
  readonly seeds?: number[];
  readonly set: string[];
  readonly recipe?: string;
  readonly protocol?: string[];
  readonly engine: string;
  readonly device?: string;
  readonly threads?: number;
  readonly maxSteps?: number;
  readonly limit?: number;
  readonly results: string;
  readonly data?: string;
  readonly tokenizer?: string;
  readonly retry?: string;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `bench run`: runs the cells that are missing and prints the table. */
export function runCommand(): Command {
  return new Command('run')
    .summary('run what is missing and print the table (the default command)')
    .description(
      'Trains and tests every combination of tasks, models, methods and seeds that has no record yet.',
    )
    .option('--task <names...>', 'tasks (see: list tasks)')
    .option('--method <variants...>', 'methods, such as red, lora~rank=4, red+lora (see: list methods)')
    .option(
      '--model <bases...>',
      'base models: gpt2-mini, roberta-mini, … (list models), a hub id, a folder, or random-gpt2~layers=4,width=256,heads=4',
    )
    .option(
      '--adapter <path>',
      'instead of --method: begin with an adapter in the format of Hugging Face peft (only test it: --max-steps 0)',
    )
    .option('--seeds <numbers...>', 'a run for each (default: those of the recipe, else 42)', seeds)
    .option(
      '--recipe <base>',
      "whose published recipe to follow, or none (default: the model's own; see: list recipes)",
    )
    .option(
      '--set <settings...>',
      'key=value: a hyper-parameter or an option of the methods (see: list recipes)',
      [],
    )
    .option(
      '--protocol <sides...>',
      'where paper, code and good practice differ: recommended, paper, code, corrected, or id=side',
    )
    .option('--engine <name>', 'what computes (see: list engines)', 'onnx')
    .option('--device <name>', 'cpu, webgpu, cuda, cuda:1')
    .option('--threads <number>', 'threads of the CPU (default: all)', positive)
    .option('--max-steps <number>', 'end training early; 0 only tests', count)
    .option('--limit <number>', 'use only so many examples of every split', positive)
    .option('--results <folder>', 'where records lie', 'results')
    .option(
      '--data <place>',
      'built-in, hub, or a folder (default: DELTABENCH_DATA, else built-in for a built-in base, the hub for others)',
    )
    .option('--tokenizer <folder>', "the tokenizer, where the model's own is not wanted or missing")
    .option('--retry <which>', 'failed: try failed runs again')
    .option('--dry-run', 'print what would run, with every setting, and stop')
    .option('--json', 'print one JSON document')
    .action(run);
}

async function run(options: RunOptions): Promise<void> {
  if (options.retry !== undefined && options.retry !== 'failed') {
    throw new UsageError(`--retry ${options.retry}: it can only be "failed".`);
  }
  // Imported here, because help need not wait for them.
  const { planRuns } = await import('../runs/plan.ts');
  const { loadMethods, loadTasks } = await import('../runs/plugins.ts');
  const [methods, tasks] = await Promise.all([loadMethods(), loadTasks()]);
  const plan = await planRuns(
    {
      ...options,
      settings: options.set,
      tasks: asked(options.task, '--task', `Tasks: ${[...tasks.keys()].join(', ')}.`),
      methods:
        options.adapter === undefined
          ? asked(options.method, '--method', `Methods: ${[...methods.keys()].join(', ')}.`)
          : (options.method ?? []),
      models: options.model ?? [],
    },
    methods,
    tasks,
  );
  if (options.dryRun) await preview(plan, options.json === true);
  else await execute(plan, options);
}

function asked(values: readonly string[] | undefined, option: string, help: string): readonly string[] {
  if (values?.length) return values;
  throw new UsageError(`Say which with ${option}. ${help}`);
}

async function preview(plan: Plan, json: boolean): Promise<void> {
  const { previewCells } = await import('../runs/preview.ts');
  const { formatValue } = await import('../runs/options.ts');
  const cells = await previewCells(plan);
  if (json) {
    printJson({ cells });
    return;
  }
  const pairs = (values: object, prefix = '') =>
    Object.entries(values).map(([key, value]) => `${prefix}${key}=${formatValue(value)}`);
  for (const { state, path, methods, recipe } of cells) {
    const settings = [
      ...methods.flatMap(({ name, options }) => pairs(options, `${name}.`)),
      ...pairs(recipe),
    ];
    print(`${state.padEnd(8)}  ${path}\n          ${settings.join(' ')}`);
  }
}

async function execute(plan: Plan, options: RunOptions): Promise<void> {
  const { executePlan } = await import('../runs/execute.ts');
  const progress = createProgress();
  const controller = stopOnSignals(() => {
    progress.stop();
  });
  let outcomes: Outcome[];
  try {
    outcomes = await executePlan(plan, {
      events: reportTo(progress),
      signal: controller.signal,
      retryFailed: options.retry === 'failed',
    });
  } catch (error) {
    progress.stop();
    if (!(error instanceof Interrupted)) throw error;
    note('Stopped. The same command goes on from here.');
    process.exitCode = 130;
    return;
  }
  const { formatTable } = await import('../reporting/table.ts');
  const { tableRows } = await import('./table-rows.ts');
  const { rows, comparisons } = await tableRows(outcomes);
  if (options.json) {
    printJson({
      rows,
      comparisons,
      runs: outcomes.map(({ path, record }) => ({ path, ...record })),
    });
  } else {
    print(formatTable(rows));
    note(`\nRecords: ${plan.results}`);
    if (plan.cells.some(({ source }) => source.kind === 'built-in')) {
      note(
        'Next: a real base and its data (--model gpt2-medium), or more methods (--method red lora adapter; list methods).',
      );
    }
  }
  const failed = outcomes.filter(({ record }) => record.status === 'failed');
  if (failed.length === 0) return;
  note(`${failed.length} of ${outcomes.length} runs failed; --retry failed tries them again.`);
  process.exitCode = 1;
}

function reportTo(progress: ReturnType<typeof createProgress>): RunEvents {
  return {
    onStart(cell, counts, number, total) {
      note(`[${number}/${total}] ${title(cell)}\n${trainableLine(counts)}`);
    },
    onProgress(done) {
      progress.update(done);
    },
    onEnd(record, path) {
      progress.stop();
      const scores = record.metrics.map(
        ({ name, value, scale, decimals }) => `${name} ${(value * scale).toFixed(decimals)}`,
      );
      const outcome = record.error
        ? `failed: ${record.error.name}: ${record.error.message}`
        : scores.join(', ');
      note(`${outcome} (${path})`);
    },
    onNote(text) {
      progress.stop();
      note(text);
    },
  };
}

function title({ task, model, variant, seed }: Cell): string {
  return `${task.name} · ${model} · ${variant.label} · seed ${seed}`;
}
