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
import { isOwnTask } from '../own-tasks/options.ts';
import { findTuned, isRecipeFile, readRecipeFile, type TunedRecipe } from '../tune/recipe-file.ts';
import { addressOf, type Cell, type Plan, type RunRequest, type Trial } from './cell.ts';
import { baseOptions, findDataSource } from './data-source.ts';
import { findBaseWeights, findEngine } from './engine-choice.ts';
import { findTasks } from '../plugins/find-tasks.ts';
import { splitSetting, type OptionSetting, type Origins } from './variants/option-values.ts';
import { checkOptionUsed, parseVariant, readVariant } from './variants/parse-variant.ts';
import {
  defaultSeeds,
  isRecipeKey,
  ownRecipe,
  recipeOptions,
  recipeOrigins,
  resolveRecipe,
  seedOrigin,
} from './resolve-recipe.ts';
import { checkStanding, standingRows } from './standing-rows.ts';
import type { StartingAdapter } from './starting-adapter.ts';
import { nameSwept, sweepCombinations, sweepExamples, withAblations } from './variants/sweep.ts';
import { describeVariant, type Variant } from './variants/variant.ts';

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
  readonly baseWeights: Cell['baseWeights'];
  /** The data that were asked for; each base takes its own where undefined. */
  readonly source: DataSource | undefined;
  /** The heads that adapters and merged bases bring, by base. */
  readonly heads: ReadonlyMap<string, OptionSetting>;
  /** The recipes of the file that `--recipe` names. */
  readonly tuned: readonly TunedRecipe[] | undefined;
}

/** Plans every combination of what was asked for; throws UsageError on anything that does not exist. */
export async function planRuns(
  request: RunRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Plan> {
  const own = await openOwn(request, tasks);
  const chosen = own ? [own.task] : [...new Set(request.tasks.flatMap((name) => findTasks(name, tasks)))];
  if (request.models.some((model) => model.trim() === '')) throw new UsageError('--model has an empty name.');
  const settings = settingsOf(request);
  const texts = request.ablations ? withAblations(request.methods, methods) : request.methods;
  const adapter = await openAdapter(request, combine(settings, [])[0]!.options, methods);
  checkVariants(request, settings, texts, adapter, methods);
  const tuned = await openRecipes(request.recipe);

  const protocol = parseProtocol(request.protocol ?? []);
  const engine = findEngine(request);
  const baseWeights = findBaseWeights(request.baseWeights, engine);
  const source = own
    ? ({ kind: 'own', path: resolve(request.data!) } as const)
    : await findDataSource(request.data);
  const modelsOf = (task: Task) => (request.models.length > 0 ? request.models : [defaultModel(task)]);
  const heads = await findHeads(chosen.flatMap(modelsOf), adapter);
  /** The variants on a task, with its standing rows. */
  const variantsOf = (task: Task): string[] => [
    ...new Set([...texts, ...(request.standingRows ? standingRows(task, methods) : [])]),
  ];
  const limits = { examples: request.limit ?? null, steps: request.maxSteps ?? null };
  const shared = {
    request,
    methods,
    protocol,
    limits,
    precision: engine.precision,
    source,
    heads,
    baseWeights,
    tuned,
  };
  const cells = chosen.flatMap((task) =>
    modelsOf(task).flatMap((model) =>
      [...variantsOf(task), ...(adapter ? [adapter] : [])].flatMap((variant) =>
        combine(settings, sweptBy(request, variant)).flatMap((combination, i) =>
          planSeeds(shared, task, model, variant, combination).map((cell) => ({
            ...cell,
            trial: trialsOf(request, variant)?.[i],
          })),
        ),
      ),
    ),
  );
  cells.forEach(checkStanding);
  return {
    cells: withoutRepeats(cells),
    results: resolve(request.results),
    base: { ...baseOptions(request.tokenizer, source), baseWeights },
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

/** The settings of `--set`; throws UsageError where one is given twice. */
function settingsOf(request: RunRequest): OptionSetting[] {
  const settings = request.settings.map(splitSetting);
  checkOnce('--set', settings);
  return settings;
}

/** What varies for a variant: the trials for it, else every combination of `--sweep` and `--train-examples`. */
function sweptBy(request: RunRequest, variant: string | OpenedAdapter): OptionSetting[][] {
  const trials = trialsOf(request, variant);
  if (trials) return trials.map((trial) => trial.settings.map(splitSetting));
  const combinations = sweepCombinations(request.sweep ?? []);
  const { trainExamples } = request;
  return trainExamples ? sweepExamples(combinations, trainExamples) : combinations;
}

/** The trials for a variant. */
function trialsOf({ trials }: RunRequest, variant: string | OpenedAdapter): readonly Trial[] | undefined {
  return trials?.filter(({ method }) => method === variant);
}

/** Puts values that vary over those of `--set`; one combination where nothing varies. */
function combine(settings: readonly OptionSetting[], varying: readonly OptionSetting[][]): Combination[] {
  return (varying.length > 0 ? varying : [[]]).map((swept) => {
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
  if (model === undefined || more.length > 0) {
    const given = model === undefined ? 'none is given' : `given are ${models.join(', ')}`;
    throw new UsageError(`--adapter belongs to one --model, the base that it was trained on; ${given}.`);
  }
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const { openStartingAdapter } = await import('./starting-adapter.ts');
  return openStartingAdapter(adapter, await loadBase(model), methods, options);
}

/**
 * Throws UsageError where a variant cannot be read, or an option belongs to no method; recipes are looked up
 * later.
 */
function checkVariants(
  request: RunRequest,
  settings: readonly OptionSetting[],
  texts: readonly string[],
  adapter: OpenedAdapter | undefined,
  methods: ReadonlyMap<string, Method>,
): void {
  // Trials are of one method each, a sweep's combinations are of all.
  const groups = request.trials ? texts.map((text) => [text]) : [texts];
  for (const group of groups) {
    for (const { options } of combine(settings, sweptBy(request, group[0] ?? adapter!))) {
      const variants = group.map((text) => parseVariant(text, methods, options));
      for (const { key } of options) checkOptionUsed(key, adapter ? [adapter.variant] : variants, methods);
    }
  }
}

/** The recipes of a file that was asked for; throws UsageError where neither a file nor a base is known. */
async function openRecipes(asked: string | undefined): Promise<SharedSettings['tuned']> {
  if (asked !== undefined && isRecipeFile(asked)) return readRecipeFile(asked);
  const known = ['none', ...builtinModels, ...new Set(paperRecipes.map(({ model }) => model))];
  if (asked === undefined || known.includes(asked)) return undefined;
  throw new UsageError(
    `There is no published recipe of "${asked}".${didYouMean(asked, known)} Recipes: ${known.join(', ')}, ` +
      'or a file that "bench tune" wrote.',
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
  const { request, methods, protocol, limits, precision, baseWeights } = shared;
  const published = shared.tuned ? ownRecipe(task, model) : (request.recipe ?? ownRecipe(task, model));
  const tuned = shared.tuned && findTuned(shared.tuned, request.recipe!, tunedCase(task, model, chosen));
  const { variant, start, origins } =
    typeof chosen === 'string'
      ? readText(chosen, methods, options, task, published, tuned)
      : { ...chosen, origins: chosen.variant.parts.map(() => ({})) };
  const followed = { task, variant, published, tuned };
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
    tuned,
    judgedOn: request.judgedOn,
    origins: { options: origins, recipe: recipeFrom, seed, data: dataOrigin(request, shared.source) },
    source: shared.source ?? { kind: isBuiltin(model) ? 'built-in' : 'hub' },
    protocol,
    precision,
    baseWeights,
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
  tuned: TunedRecipe | undefined,
): { variant: Variant; origins: readonly Origins[]; start?: undefined } {
  return readVariant(text, methods, options, (name) => recipeOptions(task, published, name, tuned));
}

function tunedCase(
  task: Task,
  model: string,
  chosen: string | OpenedAdapter,
): Parameters<typeof findTuned>[2] {
  return { task: task.name, model, variant: typeof chosen === 'string' ? chosen : chosen.variant.name };
}

function dataOrigin({ data }: RunRequest, source: DataSource | undefined): string {
  if (data !== undefined) return '--data';
  return source ? 'DELTABENCH_DATA' : 'default';
}

/** A cell asked for twice (`--method red red~position=ffn`) is one cell. */
function withoutRepeats(cells: readonly Cell[]): Cell[] {
  const key = (cell: Cell) => JSON.stringify(Object.values(addressOf(cell)));
  return [...new Map(cells.map((cell) => [key(cell), cell])).values()];
}
