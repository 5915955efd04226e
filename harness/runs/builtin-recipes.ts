import type { Task } from '../data/task.ts';
import type { BuiltinModel } from '../models/builtin.ts';
import type { PaperRecipe } from '../papers/red-recipes.ts';

/** What all methods share on a built-in base: a few passes over a thousand examples, half a minute a seed on two cores. */
const shared: Readonly<Record<Task['kind'], Readonly<Record<string, unknown>>>> = {
  text: { batchSize: 16, epochs: 3, warmup: 0.06, maxNewTokens: 64, targetLength: 64 },
  label: { batchSize: 16, epochs: 5, warmup: 0.06, head: 'mean' },
};

/**
 * Peak learning rates by method, for tasks of text and tasks of classes and values. On e2e and gpt2-mini (seed 42, loss on the
 * validation split after three epochs): full 3e-4 1.39, 1e-3 0.83, 3e-3 0.66; red 1e-2 4.44, 3e-2 4.18, 1e-1 4.02; lora 2e-3
 * 3.57, 6e-3 2.85, 2e-2 2.47; adapter 1e-3 3.68, 3e-3 2.74, 1e-2 1.99; prompt 3e-2 4.10, 1e-1 3.66, 3e-1 3.51. On sst2 and
 * roberta-mini (best accuracy on the validation split): full 3e-4 .867, 1e-3 .833; red 1e-2 .580, 3e-2 .593, 1e-1 .567.
 */
const learningRates: Readonly<Record<Task['kind'], Readonly<Record<string, number>>>> = {
  text: { full: 3e-3, red: 1e-1, lora: 2e-2, adapter: 1e-2, prompt: 3e-1 },
  label: { full: 3e-4, red: 3e-2, lora: 1e-2, adapter: 5e-3, bitfit: 5e-3 },
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
