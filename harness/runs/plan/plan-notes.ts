/**
 * What a person should know of a plan before its numbers are compared, a line each: untuned rates, methods
 * too large.
 */
import { groupBy } from '../../support/group-by.ts';
import { isBuiltin } from '../../models/bases/built-in.ts';
import type { BaseModel } from '../../models/base-model.ts';
import { paperRecipes } from '../../papers/find-recipe.ts';
import { isTunedFor } from './built-in-recipes.ts';
import type { Cell } from './cell.ts';

/** A cell with its base, and how many parameters its method trains. */
interface CountedCell {
  readonly cell: Cell;
  readonly base: BaseModel;
  readonly counts: { readonly trained: number; readonly all: number };
}

/** All notes on the runs of a plan. */
export function planNotes(runs: readonly CountedCell[]): string[] {
  return [...untunedRates(runs.map(({ cell }) => cell)), ...oversized(runs)];
}

/** One line for each task and base where a method runs at a learning rate that nobody tuned there. */
export function untunedRates(cells: readonly Cell[]): string[] {
  const groups = groupBy(cells, ({ task, model }) => JSON.stringify([task.name, model]));
  return [...groups.values()].flatMap((group) => untunedLine(group) ?? []);
}

function untunedLine(group: readonly Cell[]): string | undefined {
  const trained = group.filter(({ variant: { parts } }) =>
    parts.some(({ method }) => method.name !== 'none' && !method.answers),
  );
  const isUntuned = ({ origins }: Cell): boolean =>
    /^(task|method) /.test(origins.recipe.learningRate ?? 'task ');
  const untuned = labels(trained.filter(isUntuned), ({ recipe }) => ` (${recipe.learningRate})`);
  if (untuned.length === 0) return undefined;
  const { task, model, published } = group[0]!;
  const tuned = labels(trained.filter(({ origins }) => origins.recipe.learningRate?.startsWith('recipe ')));
  const beside = tuned.length > 0 ? `, while a recipe gives that of ${tuned.join(', ')}` : '';
  const are = untuned.length > 1 ? "these are the methods' own defaults" : 'this is its own default';
  return (
    `${task.name} on ${model}: nobody tuned the learning rate of ${untuned.join(', ')} here; ` +
    `${are}${beside}. ${remedyFor(task, model, published)}`
  );
}

/** The labels of the cells' variants, each once. */
function labels(cells: readonly Cell[], more: (cell: Cell) => string = () => ''): string[] {
  return [...new Set(cells.map((cell) => `${cell.variant.label}${more(cell)}`))];
}

/** What to do about an untuned rate: a recipe that fits, or a sweep. */
function remedyFor(task: Cell['task'], model: string, published: string): string {
  const sweep = '--sweep learningRate=a,b tries others.';
  if (isBuiltin(model) && published === 'none' && !isTunedFor(task))
    return `--recipe ${model} takes what was tuned on built-in tasks of this kind; ${sweep}`;
  const others = [...new Set(paperRecipes.filter((recipe) => recipe.model === published).map((r) => r.task))];
  return others.length > 0 && !others.includes(task.name)
    ? `The recipes of ${published} are for ${others.join(', ')}; ${sweep}`
    : sweep;
}

/**
 * One line for each method that trains more than it can use: a rank above the base's width, or more
 * parameters than it has.
 */
function oversized(runs: readonly CountedCell[]): string[] {
  const lines = runs.flatMap(({ cell, base, counts: { trained, all } }) => {
    const { width } = base.architecture;
    const options = cell.variant.parts.flatMap(({ options }) => Object.entries(options));
    const wide = options.find(([key, value]) => /^(rank|bottleneck)$/.test(key) && Number(value) > width);
    const where = `${cell.variant.label} on ${base.id}`;
    const many = `${trained.toLocaleString('en')} of ${all.toLocaleString('en')} numbers`;
    if (wide) {
      const [key, value] = wide;
      return `${where}: ${key} ${String(value)} is above the width of the base, ${width}; it trains ${many}.`;
    }
    return trained > all / 2 && !trainsBase(cell) ? `${where} trains ${many}, more than the base has.` : [];
  });
  return [...new Set(lines)];
}

/** Whether a variant is full fine-tuning. */
function trainsBase({ variant: { parts } }: Cell): boolean {
  return parts.some(({ method }) => method.name === 'full');
}
