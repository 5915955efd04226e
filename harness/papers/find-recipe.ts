/** Finds the recipe that any paper prints for a base, a task and a method. */
import type { PaperRecipe } from './recipe.ts';
import { redRecipes } from './red/recipes.ts';
import { hubIds } from './red/our-names.ts';
import { metamathRecipes } from './peft/metamathqa.ts';
import { reftRecipes } from './reft/glue.ts';
import { reasoningRecipes } from './reft/reasoning.ts';

/** All recipes that papers print. */
export const paperRecipes: readonly PaperRecipe[] = [
  ...redRecipes,
  ...reftRecipes,
  ...reasoningRecipes,
  ...metamathRecipes,
];

/**
 * The name that papers use for a base, from a hub id or a folder: `FacebookAI/roberta-base` is
 * `roberta-base`, `meta-llama/Llama-2-7b-hf` is `llama-2-7b`.
 */
export function paperModel(id: string): string {
  const last = (path: string): string => path.replace(/\/+$/, '').split('/').at(-1)!;
  const named = Object.entries(hubIds).find(([, hub]) => last(hub) === last(id));
  return named?.[0] ?? last(id);
}

/** Finds the recipe that a paper prints for a base (by the paper's name), a task and a method. */
export function findRecipe(task: string, model: string, method: string): PaperRecipe | undefined {
  return paperRecipes.find((r) => r.task === task && r.model === model && r.method === method);
}
