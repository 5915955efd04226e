import type { Task } from '../data/task.ts';
import { seedChoice } from '../papers/discrepancies.ts';
import { isBuiltin } from '../models/builtin.ts';
import { findRecipe, type PaperRecipe } from '../papers/red-recipes.ts';
import { recipeSchema, type Recipe } from '../training/recipe.ts';
import { builtinRecipe } from './builtin-recipes.ts';
import { checkOptions, parseOption, type Options } from './options.ts';
import { parseProtocol, protocolSettings, type Protocol } from './protocol.ts';
import type { OptionSetting, Variant } from './variant.ts';

/** Whether `--set key=…` means a hyper-parameter and not an option of a method. */
export function isRecipeKey(key: string): boolean {
  return key in recipeSchema.shape;
}

/** What a run's hyper-parameters depend on. */
export interface RecipeCase {
  readonly task: Task;
  readonly variant: Variant;
  /** The base whose recipe is followed, as the paper calls it. */
  readonly published: string;
}

/** The recipe of a method on a task and base: a paper's, or ours of a built-in base. */
export function findRecipeOf(task: Task, published: string, method: string): PaperRecipe | undefined {
  return isBuiltin(published)
    ? builtinRecipe(task, published, method)
    : findRecipe(task.name, published, method);
}

/**
 * The hyper-parameters of a run: `settings` (from `--set`) beat the protocol's, which beat the recipe's, which
 * beat the methods' defaults, which beat the task's, which beat the schema's. Throws UsageError on a key or a value that
 * does not exist.
 */
export function resolveRecipe(
  { task, variant, published }: RecipeCase,
  settings: readonly OptionSetting[],
  protocol: Protocol = parseProtocol([]),
): Recipe {
  const names = variant.parts.map(({ method }) => method.name);
  const values: Options = { ...task.defaults };
  for (const { method } of variant.parts) Object.assign(values, method.defaults);
  for (const name of names) Object.assign(values, findRecipeOf(task, published, name)?.settings);
  Object.assign(values, protocolSettings(protocol, { task: task.name, model: published, methods: names }));
  for (const { key, value } of settings) values[key] = parseOption('The recipe', recipeSchema, key, value);
  return checkOptions('The recipe', recipeSchema, values) as Recipe;
}

/** The seeds of a run for which none are asked: those of the protocol, else of the recipe, else 42. */
export function defaultSeeds(
  { task, variant, published }: RecipeCase,
  protocol: Protocol,
): readonly number[] {
  const methods = variant.parts.map(({ method }) => method.name);
  const recipes = methods.map((method) => findRecipeOf(task, published, method));
  const recipe = recipes.find((found) => found !== undefined);
  if (!recipe) return [42];
  const choice = seedChoice({ task: task.name, model: published, methods }, protocol.side);
  return choice?.seeds ?? recipe.seeds;
}
