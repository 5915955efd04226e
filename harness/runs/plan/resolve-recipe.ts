/**
 * How settings win over each other: the hyper-parameters of a run, layer by layer, and its seeds. `layersOf`
 * is the one place that knows the order. Options of methods are resolved in parse-variant.ts.
 */
import type { Task } from '../../data/examples/task.ts';
import { UsageError } from '../../support/errors.ts';
import { seedChoice } from '../../papers/find-discrepancies.ts';
import { isBuiltin } from '../../models/bases/built-in.ts';
import { findRecipe, paperModel } from '../../papers/find-recipe.ts';
import type { PaperRecipe } from '../../papers/recipe.ts';
import { recipeSchema, type Recipe } from '../../training/recipe.ts';
import { builtinRecipe, isTunedFor } from './built-in-recipes.ts';
import {
  checkOptions,
  type Layer,
  type Options,
  type OptionSetting,
  type Origins,
  parseOption,
} from './variants/option-values.ts';
import { parseProtocol, protocolSettings, type Protocol } from '../../papers/protocol.ts';
import type { TunedRecipe } from '../tune/recipe-file.ts';
import type { Variant } from './variants/variant.ts';

/** Whether `--set key=…` means a hyper-parameter and not an option of a method. */
export function isRecipeKey(key: string): boolean {
  return key in recipeSchema.shape;
}

/** The facts on which a run's hyper-parameters depend. */
export interface RecipeCase {
  readonly task: Task;
  readonly variant: Variant;
  /** The base whose recipe is followed, as the paper calls it. */
  readonly published: string;
  /** The tuned recipe that stands for all layers but the settings. */
  readonly tuned?: TunedRecipe | undefined;
}

/**
 * The base whose recipe a run follows where none is asked for: its own, unless that is built in and for other
 * tasks.
 */
export function ownRecipe(task: Task, model: string): string {
  const published = paperModel(model);
  return isBuiltin(published) && !isTunedFor(task) ? 'none' : published;
}

/** The recipe of a method on a task and base: a paper's, or ours of a built-in base. */
export function findRecipeOf(task: Task, published: string, method: string): PaperRecipe | undefined {
  return isBuiltin(published)
    ? builtinRecipe(task, published, method)
    : findRecipe(task.name, published, method);
}

/** Names a recipe as a dry run does: `recipe roberta-base (red/table-9)`. */
function nameOf({ model, source }: PaperRecipe): string {
  return `recipe ${model} (${source})`;
}

/** The options that a recipe gives a method. */
export function recipeOptions(
  task: Task,
  published: string,
  method: string,
  tuned?: TunedRecipe,
): Layer | undefined {
  const own = tuned?.methods.find(({ name }) => name === method);
  if (tuned && own) return { from: tuned.source, values: own.options };
  const recipe = findRecipeOf(task, published, method);
  return recipe && { from: nameOf(recipe), values: recipe.options };
}

/** The layer of a hyper-parameter that was given. */
const layerOf = ({ key, value, from = '--set' }: OptionSetting): Layer => ({
  from,
  values: { [key]: parseOption(from, recipeSchema, key, value) },
});

/**
 * The layers of a run's hyper-parameters; each wins over the earlier ones, and all win over the schema's
 * defaults.
 */
function layersOf(
  { task, variant, published, tuned }: RecipeCase,
  settings: readonly OptionSetting[],
  protocol: Protocol,
): Layer[] {
  const given = settings.map(layerOf);
  const head = protocol.hasClassifiers && task.kind === 'label' ? { head: 'huggingface' } : {};
  if (tuned)
    return [{ from: tuned.source, values: tuned.settings }, { from: 'protocol', values: head }, ...given];
  const methods = variant.parts.map(({ method }) => method);
  const names = methods.map(({ name }) => name);
  const recipes = names.flatMap((name) => findRecipeOf(task, published, name) ?? []);
  const chosen = protocolSettings(protocol, { task: task.name, model: published, methods: names });
  return [
    { from: `task ${task.name}`, values: task.defaults },
    ...methods.map(({ name, defaults = {} }) => ({ from: `method ${name}`, values: defaults })),
    ...recipes.map((recipe) => ({ from: nameOf(recipe), values: recipe.settings })),
    { from: 'protocol', values: { ...chosen, ...head } },
    ...given,
  ];
}

/** The tasks that have templates, for messages. */
const instructionTasks = 'tasks that follow instructions (alpaca, commonsense, math, ultrafeedback)';

/**
 * The hyper-parameters of a run: `settings` (from `--set`) win over the protocol, the protocol over the
 * recipe, the recipe over the methods' defaults, these over the task's, these over the schema's. Throws
 * UsageError on a key or a value that does not exist.
 */
export function resolveRecipe(
  run: RecipeCase,
  settings: readonly OptionSetting[],
  protocol: Protocol = parseProtocol([]),
): Recipe {
  const values: Options = {};
  for (const layer of layersOf(run, settings, protocol)) Object.assign(values, layer.values);
  const recipe = checkOptions('The recipe', recipeSchema, values) as Recipe;
  const { task } = run;
  const learnsInstructions = task.kind === 'text' && task.hasTemplates === true;
  if (recipe.template !== undefined && !learnsInstructions)
    throw new UsageError(
      `template=${recipe.template}: the task ${task.name} has one form of prompt; templates are for ` +
        `${instructionTasks}.`,
    );
  if (recipe.validationExamples !== undefined && !(learnsInstructions && task.selection === undefined))
    throw new UsageError(
      `validationExamples=${recipe.validationExamples}: the task ${task.name} has examples of its own to ` +
        `validate on; they are held back for ${instructionTasks}.`,
    );
  return recipe;
}

/** The hyper-parameters of a variant without a task: `settings` win over the methods' defaults. */
export function recipeWithoutTask({ parts }: Variant, settings: readonly OptionSetting[]): Recipe {
  const layers = [
    ...parts.map(({ method }) => method.defaults ?? {}),
    ...settings.map((one) => layerOf(one).values),
  ];
  return checkOptions('The recipe', recipeSchema, Object.assign({}, ...layers) as Options) as Recipe;
}

/** Says which layer gives each hyper-parameter of a run; those that are absent have the schema's default. */
export function recipeOrigins(
  run: RecipeCase,
  settings: readonly OptionSetting[],
  protocol: Protocol,
): Origins {
  return Object.fromEntries(
    layersOf(run, settings, protocol).flatMap(({ from, values }) =>
      Object.keys(values).map((key) => [key, from]),
    ),
  );
}

/** The seeds of a run where none are asked for: those of the protocol, else of the recipe, else 42. */
export function defaultSeeds(run: RecipeCase, protocol: Protocol): readonly number[] {
  return findSeeds(run, protocol).seeds;
}

/** Says where the default seeds come from. */
export function seedOrigin(run: RecipeCase, protocol: Protocol): string {
  return findSeeds(run, protocol).from;
}

function findSeeds(
  { task, variant, published }: RecipeCase,
  protocol: Protocol,
): { seeds: readonly number[]; from: string } {
  const methods = variant.parts.map(({ method }) => method.name);
  const recipes = methods.map((method) => findRecipeOf(task, published, method));
  const recipe = recipes.find((found) => found !== undefined);
  if (!recipe) return { seeds: [42], from: 'default' };
  const choice = seedChoice({ task: task.name, model: published, methods }, protocol.side);
  return choice ? { seeds: choice.seeds, from: 'protocol' } : { seeds: recipe.seeds, from: nameOf(recipe) };
}
