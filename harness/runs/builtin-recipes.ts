import type { Task } from '../data/task.ts';
import type { BuiltinModel } from '../models/builtin.ts';
import type { PaperRecipe } from '../papers/red-recipes.ts';

/** What all methods share on a built-in base: a few passes over a thousand examples, half a minute a seed on two cores. */
const shared: Readonly<Record<Task['kind'], Readonly<Record<string, unknown>>>> = {
  text: { batchSize: 16, epochs: 4, warmup: 0.06, maxNewTokens: 64, targetLength: 64 },
  label: { batchSize: 16, epochs: 4, warmup: 0.06, head: 'mean' },
};

/** Peak learning rates by method, for tasks of text and tasks of classes and values. */
const learningRates: Readonly<Record<Task['kind'], Readonly<Record<string, number>>>> = {
  text: {},
  label: {},
};

/** The recipe of a method on a built-in base. */
export function builtinRecipe(task: Task, model: BuiltinModel, method: string): PaperRecipe {
  const learningRate = learningRates[task.kind][method];
  return {
    source: 'built-in',
    ...{ model, task: task.name, method },
    settings: { ...shared[task.kind], ...(learningRate !== undefined && { learningRate }) },
    options: {},
    seeds: [42, 43, 44],
  };
}
