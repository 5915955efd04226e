import { expect, test } from 'vitest';
import type { TextTask } from '../../harness/data/task.ts';
import { splitSetting } from '../../harness/runs/options.ts';
import { isRecipeKey, resolveRecipe } from '../../harness/runs/recipes.ts';
import { parseVariant } from '../../harness/runs/variant.ts';
import { copyTask, methods } from './fake.ts';

const published: TextTask = {
  ...copyTask,
  recipe: (model, method) => (model === 'gpt2' && method === 'lora' ? { learningRate: 3e-3, epochs: 7 } : {}),
};
const resolve = (method: string, ...settings: string[]) =>
  resolveRecipe(
    { task: copyTask, variant: parseVariant(method, methods), model: 'gpt2' },
    settings.map(splitSetting),
  );

test('schema < task < method < --set', () => {
  expect(resolve('red')).toMatchObject({ beams: 1, batchSize: 4, learningRate: 1e-2 });
  expect(resolve('lora')).toMatchObject({ batchSize: 4, learningRate: 2e-4 });
  expect(resolve('red+lora')).toMatchObject({ learningRate: 2e-4 });
  expect(resolve('lora', 'learning-rate=3e-5', 'dropout=false')).toMatchObject({
    learningRate: 3e-5,
    dropout: false,
  });
});

test('a published recipe of a model and a method beats the defaults', () => {
  const of = (model: string, method: string) =>
    resolveRecipe({ task: published, variant: parseVariant(method, methods), model }, []);
  expect(of('gpt2', 'lora')).toMatchObject({ learningRate: 3e-3, epochs: 7, batchSize: 4 });
  expect(of('gpt2', 'red')).toMatchObject({ learningRate: 1e-2, epochs: 1 });
  expect(of('gpt2-medium', 'lora')).toMatchObject({ learningRate: 2e-4, epochs: 1 });
});

test('bad settings are named', () => {
  expect(isRecipeKey('batchSize')).toBe(true);
  expect(() => resolve('red', 'batchsize=8')).toThrow(
    /^The recipe has no option "batchsize". Did you mean "batchSize"\? It has: learningRate, /,
  );
  expect(() => resolve('red', 'batchSize=many')).toThrow(/^The recipe: batchSize=many is not allowed/);
  expect(() => resolve('red', 'schedule=step')).toThrow(/"linear"\|"cosine"\|"constant"/);
  expect(() => splitSetting('batchSize')).toThrow('"batchSize" is not of the form key=value.');
  expect(() => splitSetting('=8')).toThrow('"=8" is not of the form key=value.');
});
