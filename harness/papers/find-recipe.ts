/** Finds the recipe that any paper prints for a base, a task and a method. */
import type { PaperRecipe } from './recipe.ts';
import { redRecipes } from './red/recipes.ts';
import { reftRecipes } from './reft/glue.ts';

/** All recipes that papers print. */
export const paperRecipes: readonly PaperRecipe[] = [...redRecipes, ...reftRecipes];

/**
 * The name that papers use for a base, from a hub id or a folder: `FacebookAI/roberta-base` is
 * `roberta-base`.
 */
export function paperModel(id: string): string {
  return id.replace(/\/+$/, '').split('/').at(-1)!;
}

/** Finds the recipe that a paper prints for a base (by the paper's name), a task and a method. */
export function findRecipe(task: string, model: string, method: string): PaperRecipe | undefined {
  return paperRecipes.find((r) => r.task === task && r.model === model && r.method === method);
}
