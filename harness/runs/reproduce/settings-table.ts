/**
 * The published tables of settings and data, which need no runs: the paper's values beside those that runs
 * here use.
 */
import { UsageError } from '../../support/errors.ts';
import type { Task } from '../../data/examples/task.ts';
import type { Method } from '../../models/method.ts';
import { llamaRecipes, redRecipes } from '../../papers/red/recipes.ts';
import type { PaperRecipe } from '../../papers/recipe.ts';
import { redDataSets, redLeaderboard } from '../../papers/red/tables.ts';
import { formatValue } from '../plan/option-values.ts';
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
  if (id === 'red/table-13') return { ...table, ...llamaTable() };
  if (id === 'red/table-17') return { ...table, ...leaderboardTable() };
  return { ...table, ...(await recipeTable(id, request, methods, tasks)) };
}

/**
 * Tables 9 to 12: a row for each method and setting, a column for each task, or for each base of Table 11.
 */
async function recipeTable(
  id: string,
  request: SettingsRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Pick<SettingsTable, 'columns' | 'rows' | 'notes'>> {
  const recipes = redRecipes.filter(({ source }) => source === id);
  const columnOf = ({ task, model }: PaperRecipe): string => (task === 'e2e' ? model : task);
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
  if (key === 'seeds') return recipe.model === 't5-base' ? undefined : rangeOf(recipe.seeds);
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
  return { ...options, ...first!.recipe, seeds: rangeOf(cells.map(({ seed }) => seed)) };
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

function llamaTable(): Pick<SettingsTable, 'columns' | 'rows' | 'notes'> {
  const rows = Object.entries({ shared: llamaRecipes.shared, ...llamaRecipes.methods }).flatMap(
    ([method, settings]) =>
      Object.entries(settings).map(([key, value]) => ({
        label: `${method} ${key}`,
        theirs: [show(value)],
        ours: [],
      })),
  );
  return { columns: ['llama-2-7b'], rows, notes: ['not run: the task ultrafeedback is not built yet'] };
}

function leaderboardTable(): Pick<SettingsTable, 'columns' | 'rows' | 'notes'> {
  const rows = redLeaderboard.map(({ label, fewShot, metric }) => ({
    label,
    theirs: [String(fewShot), metric],
    ours: [],
  }));
  return { columns: ['shots', 'metric'], rows, notes: ['not run: these tasks are not built yet'] };
}

/** Seeds as a range, since they follow each other. */
function rangeOf(seeds: readonly number[]): string {
  return seeds.length === 1 ? `${seeds[0]!}` : `${seeds[0]!} to ${seeds.at(-1)!}`;
}

function show(value: unknown): string {
  return value === undefined ? '–' : formatValue(value);
}
