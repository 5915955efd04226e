import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { DataSource, Task } from '../../data/examples/task.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { builtinModels, defaultModel, isBuiltin } from '../../models/bases/built-in.ts';
import { readMeanHead } from '../../models/bases/stored-head.ts';
import type { Method } from '../../models/method.ts';
import { paperRecipes } from '../../papers/find-recipe.ts';
import { recipeSchema } from '../../training/recipe.ts';
import { findEngine } from './engine-choice.ts';
import { splitSetting, suggestKey } from './option-values.ts';
import { parseProtocol } from '../../papers/protocol.ts';
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
import {
  describeVariant,
  ownersOf,
  parseVariant,
  readVariant,
  type OptionSetting,
  type Variant,
} from './variant.ts';
import { addressOf, type Cell, type Plan, type RunRequest } from './cell.ts';

/** Every combination of what was asked for, with all settings resolved; throws UsageError on anything that does not exist. */
export async function planRuns(
  request: RunRequest,
  methods: ReadonlyMap<string, Method>,
  tasks: ReadonlyMap<string, Task>,
): Promise<Plan> {
  const chosen = request.tasks.map((name) => findTask(name, tasks));
  if (request.models.some((model) => model.trim() === '')) throw new UsageError('--model has an empty name.');
  const settings = request.settings.map(splitSetting);
  checkOnce('--set', settings);
  const combinations = sweepCombinations(request.sweep ?? []).map((swept) => {
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
  const texts = request.ablations ? withAblations(request.methods, methods) : request.methods;
  // Once without a recipe, to check what was asked for.
  const given = await openAdapter(request, combinations[0]!.options, methods);
  for (const { options } of combinations) {
    const asked = texts.map((text) => parseVariant(text, methods, options));
    for (const { key } of options) checkOptionUsed(key, given ? [given.variant] : asked, methods);
  }
  checkRecipe(request.recipe);

  const protocol = parseProtocol(request.protocol ?? []);
  const limits = { examples: request.limit ?? null, steps: request.maxSteps ?? null };
  const engine = findEngine(request);
  const { precision } = engine;
  const askedData = await askedSource(request.data);
  const dataFrom = request.data !== undefined ? '--data' : askedData ? 'DELTABENCH_DATA' : 'default';
  const modelsOf = (task: Task) => (request.models.length > 0 ? request.models : [defaultModel(task)]);
  // Where --set does not say which head there is, that of an adapter or of a merged base does.
  const heads = new Map<string, OptionSetting>();
  for (const model of new Set(chosen.flatMap(modelsOf))) {
    const value = given?.start.adapter.headName ?? ((await readMeanHead(model)) && 'mean');
    if (value !== undefined) heads.set(model, { key: 'head', value });
  }
  const cells = chosen.flatMap((task) =>
    modelsOf(task).flatMap((model) =>
      [...texts, ...(given ? [given] : [])].flatMap((wanted) =>
        combinations.flatMap(({ hyper, options, swept }) => {
          const published = request.recipe ?? ownRecipe(task, model);
          const { variant, start, origins } =
            typeof wanted === 'object'
              ? { ...wanted, origins: wanted.variant.parts.map(() => ({})) }
              : { ...readVariant(wanted, methods, options, (name) => recipeOptions(task, published, name)), start: undefined }; // prettier-ignore
          const followed = { task, variant, published };
          // What --set says beats what the adapter or the merged base brings.
          const head = hyper.some(({ key }) => key === 'head') ? undefined : heads.get(model);
          const set = head ? [...hyper, head] : hyper;
          const recipe = resolveRecipe(followed, set, protocol);
          const cut = limits.steps === null ? {} : { maxSteps: limits.steps };
          const from = {
            ...recipeOrigins(followed, set, protocol),
            ...(head && { head: given ? '--adapter' : '--model' }),
            ...(limits.steps !== null && { maxSteps: '--max-steps' }),
          };
          const source = askedData ?? { kind: isBuiltin(model) ? 'built-in' : 'hub' };
          const seedsFrom = request.seeds ? '--seeds' : seedOrigin(followed, protocol);
          return (request.seeds ?? defaultSeeds(followed, protocol)).map((seed) => ({
            ...{ task, model, variant: nameSwept(variant, swept), start, published, seed, source, limits },
            formerly: start ? variant.name : nameSwept(describeVariant(variant.parts), swept).name,
            recipe: { ...recipe, ...cut },
            origins: { options: origins, recipe: from, seed: seedsFrom, data: dataFrom },
            protocol,
            precision,
          }));
        }),
      ),
    ),
  );
  return {
    cells: withoutRepeats(cells),
    results: resolve(request.results),
    base: baseOptions(request.tokenizer, askedData),
    engine,
  };
}

/** The adapter that was asked for; throws UsageError where anything else says what its method is. */
async function openAdapter(
  { adapter, methods: others, models }: RunRequest,
  options: readonly OptionSetting[],
  methods: ReadonlyMap<string, Method>,
): Promise<{ start: StartingAdapter; variant: Variant } | undefined> {
  if (adapter === undefined) return undefined;
  const [model, ...more] = models;
  if (others.length > 0) throw new UsageError('--adapter says what the method is; leave out --method.');
  if (model === undefined || more.length > 0) throw new UsageError('--adapter belongs to one --model.');
  const { loadBase } = await import('../../models/bases/load-base.ts');
  const { openStartingAdapter: openStart } = await import('./starting-adapter.ts');
  return openStart(adapter, await loadBase(model), methods, options);
}

/** Where data comes from: what was asked for, else DELTABENCH_DATA; throws UsageError where the folder is none. */
export async function askedSource(asked: string | undefined): Promise<DataSource | undefined> {
  const place = asked ?? dataFolder();
  if (place === undefined) return undefined;
  if (place === 'hub' || place === 'built-in') return { kind: place };
  const path = resolve(place);
  const isFolder = await stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (isFolder) return { kind: 'folder', path };
  const origin = asked === undefined ? 'DELTABENCH_DATA' : '--data';
  throw new UsageError(
    `${origin} names ${place}, which is no folder. Give a folder, "hub" to fetch the data, or "built-in" for deltabench's own.`,
  );
}

/** Where a base finds a tokenizer: the folder asked for, else that of the data. */
export function baseOptions(tokenizer: string | undefined, source: DataSource | undefined): Plan['base'] {
  return {
    tokenizer,
    data: source?.kind === 'folder' ? source.path : dataFolder(),
  };
}

/** DELTABENCH_DATA; an empty one names no folder. */
function dataFolder(): string | undefined {
  const folder = process.env.DELTABENCH_DATA;
  return folder === '' ? undefined : folder;
}

function findTask(name: string, tasks: ReadonlyMap<string, Task>): Task {
  const task = tasks.get(name);
  if (task) return task;
  const names = [...tasks.keys()];
  throw new UsageError(`There is no task "${name}".${didYouMean(name, names)} Tasks: ${names.join(', ')}.`);
}

function checkRecipe(asked: string | undefined): void {
  const known = ['none', ...builtinModels, ...new Set(paperRecipes.map(({ model }) => model))];
  if (asked === undefined || known.includes(asked)) return;
  throw new UsageError(
    `There is no published recipe of "${asked}".${didYouMean(asked, known)} Recipes: ${known.join(', ')}.`,
  );
}

function checkOnce(option: string, settings: readonly OptionSetting[]): void {
  const twice = settings.find(({ key }, i) => settings.findIndex((other) => other.key === key) !== i);
  if (twice !== undefined) throw new UsageError(`${option} has ${twice.key} twice; give it once.`);
}

/** Throws UsageError where no method has an option, with those that have it. */
export function checkOptionUsed(
  key: string,
  variants: readonly Variant[],
  methods: ReadonlyMap<string, Method>,
): void {
  const parts = variants.flatMap(({ parts }) => parts);
  const keys = parts.map(({ method }) => Object.keys(method.options.shape));
  if (keys.flat().includes(key)) return;
  const owners = [
    ...new Set(parts.map(({ method }, i) => ` ${method.name}: ${keys[i]!.join(', ') || 'none'}.`)),
  ];
  const others = ownersOf(key, methods);
  if (others.length > 0) {
    throw new UsageError(
      `"${key}" is an option of ${others.join(', ')}, of which none is asked for here. Options of${owners.join('')}`,
    );
  }
  const known = [...Object.keys(recipeSchema.shape), ...keys.flat()];
  throw new UsageError(
    `There is no setting "${key}": it is neither a hyper-parameter nor an option of the methods.${suggestKey(key, known)} ` +
      `Hyper-parameters: ${Object.keys(recipeSchema.shape).join(', ')}. Options of${owners.join('')}`,
  );
}

/** A cell asked for twice (`--method red red~position=ffn`) is one cell. */
function withoutRepeats(cells: readonly Cell[]): Cell[] {
  const key = (cell: Cell) => JSON.stringify(Object.values(addressOf(cell)));
  return [...new Map(cells.map((cell) => [key(cell), cell])).values()];
}
