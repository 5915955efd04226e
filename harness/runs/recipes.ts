import type { Task } from '../data/task.ts';
import { recipeSchema, type Recipe } from '../training/recipe.ts';
import { checkOptions, parseOption, type Options } from './options.ts';
import { parseProtocol, protocolSettings, type Protocol } from './protocol.ts';
import type { OptionSetting, Variant } from './variant.ts';

/** Whether `--set key=…` means a hyper-parameter and not an option of a method. */
export function isRecipeKey(key: string): boolean {
  return key in recipeSchema.shape;
}

/**
 * The hyper-parameters of a run: `settings` (from `--set`) beat the protocol's, which beat the methods' defaults,
 * which beat the task's, which beat the schema's. Throws UsageError on a key or a value that does not exist.
 */
export function resolveRecipe(
  { task, variant, model }: { task: Task; variant: Variant; model: string },
  settings: readonly OptionSetting[],
  protocol: Protocol = parseProtocol([]),
): Recipe {
  const values: Options = { ...task.defaults };
  for (const { method } of variant.parts) Object.assign(values, method.defaults);
  for (const { method } of variant.parts) Object.assign(values, task.recipe?.(model, method.name));
  Object.assign(values, protocolSettings(protocol, task.name));
  for (const { key, value } of settings) values[key] = parseOption('The recipe', recipeSchema, key, value);
  return checkOptions('The recipe', recipeSchema, values) as Recipe;
}
