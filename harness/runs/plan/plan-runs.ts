/**
 * Makes a plan of a request: one cell for each task, base, variant, combination of swept values and seed,
 * with every setting resolved. It opens neither data nor weights; prepare-cells.ts does. Which setting wins
 * is in resolve-recipe.ts for hyper-parameters and in parse-variant.ts for options of methods.
 */
import { resolve } from 'node:path';
import type { DataSource, Task } from '../../data/examples/task.ts';
import type { Precision } from '../../engine/types.ts';
import { builtinModels, defaultModel, isBuiltin } from '../../models/bases/built-in.ts';
import { readMeanHead } from '../../models/bases/stored-head.ts';
import type { Method } from '../../models/method.ts';
import { paperRecipes } from '../../papers/find-recipe.ts';
import { parseProtocol, type Protocol } from '../../papers/protocol.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import type { OpenedTask } from '../own-tasks/open-own-task.ts';
import { isOwnTask, ownTasks } from '../own-tasks/options.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from './cell.ts';
import { baseOptions, findDataSource } from './data-source.ts';
import { findEngine } from './engine-choice.ts';
import { splitSetting, type OptionSetting, type Origins } from './option-values.ts';
import { checkOptionUsed, parseVariant, readVariant } from './parse-variant.ts';
import {
  defaultSeeds,
  isRecipeKey,
  ownRecipe,
  recipeOptions,
  recipeOrigins,
  resolveRecipe,
  seedOrigin,
} from './resolve-recipe.ts';
import type { StartingAdapter } from './starting-adapter.ts';
import { nameSwept, sweepCombinations, withAblations } from './sweep.ts';
import { describeVariant, type Variant } from './variant.ts';

/** The settings of one combination of swept values. */
interface Combination {
  /** For hyper-parameters. */
  readonly hyper: readonly OptionSetting[];
  /** For options of methods. */
  readonly options: readonly OptionSetting[];
  /** The hyper-parameters that were swept, which become part of the variant's name. */
  readonly swept: readonly OptionSetting[];
}

/** The adapter of `--adapter`, and the variant that its files describe. */
interface OpenedAdapter {
  readonly start: StartingAdapter;
  readonly variant: Variant;
}

/** Everything that the cells of a plan share. */
interface SharedSettings {
  readonly request: RunRequest;
  readonly methods: ReadonlyMap<string, Method>;
  readonly protocol: Protocol;
  readonly limits: Cell['limits'];
  readonly precision: Precision;
  /** The data that were asked for; each base takes its own where undefined. */
  readonly source: DataSource | undefined;
  /** The heads that adapters and merged bases bring, by base. */
  readonly heads: ReadonlyMap<string, OptionSetting>;
}

/** Plans every combination of what was asked for; throws UsageError on anything that does not exist. */
export async function planRuns(
  request: RunRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Plan> {
  const own = await openOwn(request, tasks);
  const chosen = own ? [own.task] : request.tasks.map((name) => findTask(name, tasks));
  if (request.models.some((model) => model.trim() === '')) throw new UsageError('--model has an empty name.');
  const combinations = combineSettings(request);
  const texts = request.ablations ? withAblations(request.methods, methods) : request.methods;
  const adapter = await openAdapter(request, combinations[0]!.options, methods);
  for (const { options } of combinations) checkVariants(texts, adapter, options, methods);
  checkRecipe(request.recipe);

  const protocol = parseProtocol(request.protocol ?? []);
  const engine = findEngine(request);
  const source = own
    ? ({ kind: 'own', path: resolve(request.data!) } as const)
    : await findDataSource(request.data);
  const modelsOf = (task: Task) => (request.models.length > 0 ? request.models : [defaultModel(task)]);
  const heads = await findHeads(chosen.flatMap(modelsOf), adapter);
  const limits = { examples: request.limit ?? null, steps: request.maxSteps ?? null };
  const shared = { request, methods, protocol, limits, precision: engine.precision, source, heads };
  const cells = chosen.flatMap((task) =>
    modelsOf(task).flatMap((model) =>
      [...texts, ...(adapter ? [adapter] : [])].flatMap((variant) =>
        combinations.flatMap((combination) => planSeeds(shared, task, model, variant, combination)),
      ),
    ),
  );
  return {
    cells: withoutRepeats(cells),
    results: resolve(request.results),
    base: baseOptions(request.tokenizer, source),
    engine,
    read: own?.summary ?? [],
  };
}

/** Opens the task `text` or `classify` where it is asked for; throws UsageError where others are as well. */
async function openOwn(
  { tasks: names, data, own = {} }: RunRequest,
  tasks: ReadonlyMap<string, Task>,
): Promise<OpenedTask | undefined> {
  const name = names.filter(isOwnTask).find((each) => !tasks.has(each));
  if (name === undefined) return undefined;
  if (names.length > 1) {
    throw new UsageError(
      `--task ${name} is on your own data and stands alone; leave out ${otherThan(name, names)}.`,
    );
  }
  const { openOwnTask } = await import('../own-tasks/open-own-task.ts');
  return openOwnTask(name, data, own);
}

const otherThan = (name: string, names: readonly string[]): string =>
  names.filter((other) => other !== name).join(', ') || 'the second one';

/** Puts the values of `--sweep` over those of `--set`; one combination where nothing is swept. */
function combineSettings(request: RunRequest): Combination[] {
  const settings = request.settings.map(splitSetting);
  checkOnce('--set', settings);
  return sweepCombinations(request.sweep ?? []).map((swept) => {
    const all: OptionSetting[] = [
      ...settings.filter(({ key }) => swept.every((other) => other.key !== key)),
      ...swept.map((setting) => ({ ...setting, from: '--sweep' as const })),
    ];
    return {
      hyper: all.filter(({ key }) => isRecipeKey(key)),
      options: all.filter(({ key }) => !isRecipeKey(key)),
      swept: swept.filter(({ key }) => isRecipeKey(key)),
    };
  });
}

function checkOnce(option: string, settings: readonly OptionSetting[]): void {
  const twice = settings.find(({ key }, i) => settings.findIndex((other) => other.key === key) !== i);
  if (twice !== undefined) throw new UsageError(`${option} has ${twice.key} twice; give it once.`);
}

/** The adapter that was asked for; throws UsageError where anything else says what its method is. */
async function openAdapter(
  { adapter, methods: others, models }: RunRequest,
  options: readonly OptionSetting[],
  methods: ReadonlyMap<string, Method>,
): Promise<OpenedAdapter | undefined> {
  if (adapter === undefined) return undefined;
  const [model, ...more] = models;
  if (others.length > 0) throw new UsageError('--adapter says what the method is; leave out --method.');
  if (model === undefined || more.length > 0) throw new UsageError('--adapter belongs to one --model.');
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const { openStartingAdapter } = await import('./starting-adapter.ts');
  return openStartingAdapter(adapter, await loadBase(model), methods, options);
}

/**
 * Throws UsageError where a variant cannot be read, or an option belongs to no method; recipes are looked up
 * later.
 */
function checkVariants(
  texts: readonly string[],
  adapter: OpenedAdapter | undefined,
  options: readonly OptionSetting[],
  methods: ReadonlyMap<string, Method>,
): void {
  const variants = texts.map((text) => parseVariant(text, methods, options));
  for (const { key } of options) checkOptionUsed(key, adapter ? [adapter.variant] : variants, methods);
}

function checkRecipe(asked: string | undefined): void {
  const known = ['none', ...builtinModels, ...new Set(paperRecipes.map(({ model }) => model))];
  if (asked === undefined || known.includes(asked)) return;
  throw new UsageError(
    `There is no published recipe of "${asked}".${didYouMean(asked, known)} Recipes: ${known.join(', ')}.`,
  );
}

/** Which head an adapter or a merged base has, by base; `--set head=…` wins over it. */
async function findHeads(
  models: readonly string[],
  adapter: OpenedAdapter | undefined,
): Promise<Map<string, OptionSetting>> {
  const heads = new Map<string, OptionSetting>();
  for (const model of new Set(models)) {
    const value = adapter?.start.adapter.headName ?? ((await readMeanHead(model)) && 'mean');
    if (value !== undefined) heads.set(model, { key: 'head', value });
  }
  return heads;
}

/** One cell for each seed of a variant on a task and base. */
function planSeeds(
  shared: SharedSettings,
  task: Task,
  model: string,
  chosen: string | OpenedAdapter,
  { hyper, options, swept }: Combination,
): Cell[] {
  const { request, methods, protocol, limits, precision } = shared;
  const published = request.recipe ?? ownRecipe(task, model);
  const { variant, start, origins } =
    typeof chosen === 'string'
      ? readText(chosen, methods, options, task, published)
      : { ...chosen, origins: chosen.variant.parts.map(() => ({})) };
  const followed = { task, variant, published };
  const head = hyper.some(({ key }) => key === 'head') ? undefined : shared.heads.get(model);
  const settings = head ? [...hyper, head] : hyper;
  const recipe = {
    ...resolveRecipe(followed, settings, protocol),
    ...(limits.steps !== null && { maxSteps: limits.steps }),
  };
  const recipeFrom = {
    ...recipeOrigins(followed, settings, protocol),
    ...(head && { head: start ? '--adapter' : '--model' }),
    ...(limits.steps !== null && { maxSteps: '--max-steps' }),
  };
  const seed = request.seeds ? '--seeds' : seedOrigin(followed, protocol);
  const cell: Omit<Cell, 'seed'> = {
    task,
    model,
    variant: nameSwept(variant, swept),
    formerly: start ? variant.name : nameSwept(describeVariant(variant.parts), swept).name,
    start,
    recipe,
    published,
    origins: { options: origins, recipe: recipeFrom, seed, data: dataOrigin(request, shared.source) },
    source: shared.source ?? { kind: isBuiltin(model) ? 'built-in' : 'hub' },
    protocol,
    precision,
    limits,
  };
  return (request.seeds ?? defaultSeeds(followed, protocol)).map((seed) => ({ ...cell, seed }));
}

/** A variant from its text, with the options that the recipe gives its methods. */
function readText(
  text: string,
  methods: ReadonlyMap<string, Method>,
  options: readonly OptionSetting[],
  task: Task,
  published: string,
): { variant: Variant; origins: readonly Origins[]; start?: undefined } {
  return readVariant(text, methods, options, (name) => recipeOptions(task, published, name));
}

function dataOrigin({ data }: RunRequest, source: DataSource | undefined): string {
  if (data !== undefined) return '--data';
  return source ? 'DELTABENCH_DATA' : 'default';
}

function findTask(name: string, tasks: ReadonlyMap<string, Task>): Task {
  const task = tasks.get(name);
  if (task) return task;
  const names = [...tasks.keys(), ...Object.keys(ownTasks)];
  throw new UsageError(`There is no task "${name}".${didYouMean(name, names)} Tasks: ${names.join(', ')}.`);
}

/** A cell asked for twice (`--method red red~position=ffn`) is one cell. */
function withoutRepeats(cells: readonly Cell[]): Cell[] {
  const key = (cell: Cell) => JSON.stringify(Object.values(addressOf(cell)));
  return [...new Map(cells.map((cell) => [key(cell), cell])).values()];
}
