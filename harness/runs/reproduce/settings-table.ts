/**
 * The published tables of settings and data, which need no runs: the paper's values beside those that runs
 * here use.
 */
import { UsageError } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import type { Method } from '../../models/method.ts';
import { redRecipes } from '../../papers/red/recipes.ts';
import type { PaperRecipe } from '../../papers/recipe.ts';
import { redEvaluations } from '../../papers/red/our-names.ts';
import { redDataSets, redLeaderboard } from '../../papers/red/tables.ts';
import { formatValue } from '../plan/variants/option-values.ts';
import { loadEvaluations } from '../plan/load-plugins.ts';
import { planRuns } from '../plan/plan-runs.ts';
import type { RunRequest } from '../plan/cell.ts';
import { parseProtocol } from '../../papers/protocol.ts';

/** A published table of settings or data beside what runs here use. */
export interface SettingsTable {
  readonly id: string;
  readonly caption: string;
  /** The columns of the values. */
  readonly columns: readonly string[];
  readonly rows: readonly {
    readonly label: string;
    readonly theirs: readonly string[];
    /** Empty where nothing is built for it. */
    readonly ours: readonly string[];
  }[];
  readonly notes: readonly string[];
}

/** The options that decide our side of a table of settings. */
export interface SettingsRequest extends Pick<RunRequest, 'data' | 'engine' | 'results'> {
  readonly protocol: readonly string[];
}

const captions: Readonly<Record<string, string>> = {
  'red/table-8': 'sizes and metrics of the divided GLUE sets',
  'red/table-9': 'hyper-parameters, RoBERTa base on GLUE',
  'red/table-10': 'hyper-parameters, RoBERTa large on GLUE',
  'red/table-11': 'hyper-parameters, GPT-2 on E2E NLG',
  'red/table-12': 'hyper-parameters, T5 base on GLUE',
  'red/table-13': 'hyper-parameters, Llama-2 7B on UltraFeedback',
  'red/table-17': 'Open LLM Leaderboard: examples in the prompt and metric',
};

/** Names of the published tables of settings and data. */
export const settingsTables = Object.keys(captions);

/** A published table of settings or data, with ours as a protocol resolves them. */
export async function settingsTable(
  id: string,
  request: SettingsRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<SettingsTable> {
  const table = { id, caption: captions[id]! };
  if (id === 'red/table-8') return { ...table, ...(await dataTable(request, methods, tasks)) };
  if (id === 'red/table-17') return { ...table, ...(await leaderboardTable()) };
  return { ...table, ...(await recipeTable(id, request, methods, tasks)) };
}

/**
 * Tables 9 to 13: a row for each method and setting, a column for each task, or for each base of Tables 11 and 13.
 */
async function recipeTable(
  id: string,
  request: SettingsRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Pick<SettingsTable, 'columns' | 'rows' | 'notes'>> {
  const recipes = redRecipes.filter(({ source }) => source === id);
  const columnOf = ({ task, model }: PaperRecipe): string =>
    task === 'e2e' || task === 'ultrafeedback' ? model : task;
  const columns = [...new Set(recipes.map(columnOf))];
  const rows = [];
  for (const method of new Set(recipes.map((recipe) => recipe.method))) {
    const own = columns.map((column) =>
      recipes.find((recipe) => recipe.method === method && columnOf(recipe) === column),
    );
    const resolved = await Promise.all(
      own.map((recipe) => (recipe ? resolve(recipe, request, methods, tasks) : Promise.resolve(undefined))),
    );
    const keys = new Set([
      ...own.flatMap((recipe) => (recipe ? Object.keys({ ...recipe.settings, ...recipe.options }) : [])),
      ...['optimizer', 'dropoutFrom', 'seeds'],
    ]);
    for (const key of keys) {
      const theirs = own.map((recipe) => show(printed(recipe, key)));
      const ours = resolved.map((values) => show(values?.[key]));
      if ([...theirs, ...ours].some((value) => value !== '–'))
        rows.push({ label: `${method} ${key}`, theirs, ours });
    }
  }
  return { columns, rows, notes: [] };
}

/** A setting as the paper prints it; all of its recipes use AdamW. */
function printed(recipe: PaperRecipe | undefined, key: string): unknown {
  if (!recipe) return undefined;
  if (key === 'optimizer') return 'adamw';
  // Neither T5's nor Llama-2's are stated.
  if (key === 'seeds') return /^t5|^llama/.test(recipe.model) ? undefined : rangeOf(recipe.seeds);
  return recipe.settings[key] ?? recipe.options[key];
}

/** Every setting of the runs of a recipe. */
async function resolve(
  { task, model, method }: PaperRecipe,
  { protocol, engine, results }: SettingsRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Record<string, unknown>> {
  const request = { tasks: [task], methods: [method], models: [model], settings: [] };
  const { cells } = await planRuns({ ...request, protocol, engine, results }, methods, tasks);
  const [first] = cells;
  const { options } = first!.variant.parts[0]!;
  // LoRA has a dropout of its own beside that of the base.
  return { ...first!.recipe, ...options, seeds: rangeOf(cells.map(({ seed }) => seed)) };
}

/** Table 8, from the data itself where it is here, for the first seed and an encoder. */
async function dataTable(
  { data, engine, results, protocol }: SettingsRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Pick<SettingsTable, 'columns' | 'rows' | 'notes'>> {
  const rows: SettingsTable['rows'][number][] = [];
  const notes: string[] = [];
  const { side } = parseProtocol(protocol);
  for (const { task: name, label, train, valid, test, metric } of redDataSets) {
    const theirs = [train, valid, test, metric];
    const task = tasks.get(name);
    if (task?.kind !== 'label') continue;
    try {
      const plain = { tasks: [name], methods: ['none'], models: ['roberta-base'], settings: [] };
      const { cells } = await planRuns({ ...plain, engine, results, data }, methods, tasks);
      const source = cells[0]!.source;
      const splits = task.draw(await task.load(source), { seed: 42, family: 'roberta', side });
      const sizes = [splits.train, splits.validation, splits.test].map(({ length }) =>
        length.toLocaleString('en'),
      );
      rows.push({ label, theirs, ours: [...sizes, task.selection] });
    } catch (error) {
      if (!(error instanceof UsageError)) throw error;
      rows.push({ label, theirs, ours: ['–', '–', '–', task.selection] });
      notes.push(`${label}: not here: ${error.message}`);
    }
  }
  return { columns: ['train', 'valid', 'test', 'metric'], rows, notes };
}

/** Table 17, beside the evaluations that stand for its columns under the RED authors' protocol. */
async function leaderboardTable(): Promise<Pick<SettingsTable, 'columns' | 'rows' | 'notes'>> {
  const evaluations = [...(await loadEvaluations()).values()];
  const rows = redLeaderboard.map(({ task, label, fewShot, metric }) => {
    const name = redEvaluations[task]!;
    const own = evaluations.find((one) => one.name === name || one.groups?.includes(name));
    return {
      label,
      theirs: [String(fewShot), metric],
      ours: own ? [String(own.shots.red), own.measures[0]!] : [],
    };
  });
  return {
    columns: ['shots', 'metric'],
    rows,
    notes: [
      'ours: bench eval --protocol red, which asks ARC-Easy and ARC-Challenge together, as their code did',
    ],
  };
}

/** Seeds as a range, since they follow each other. */
function rangeOf(seeds: readonly number[]): string {
  return seeds.length === 1 ? `${seeds[0]!}` : `${seeds[0]!} to ${seeds.at(-1)!}`;
}

function show(value: unknown): string {
  return value === undefined ? '–' : formatValue(value);
}
