// Tests of the precedence of settings.
import { expect, test } from 'vitest';
import type { TextTask } from '../../../harness/data/examples/task.ts';
import { splitSetting } from '../../../harness/runs/plan/variants/option-values.ts';
import { planRuns } from '../../../harness/runs/plan/plan-runs.ts';
import type { RunRequest } from '../../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { parseProtocol } from '../../../harness/papers/protocol.ts';
import { defaultSeeds, isRecipeKey, resolveRecipe } from '../../../harness/runs/plan/resolve-recipe.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { copyTask, methods } from '../fake.ts';

const cola: TextTask = { ...copyTask, name: 'cola' };
const resolve = (method: string, ...settings: string[]) =>
  resolveRecipe(
    { task: copyTask, variant: parseVariant(method, methods), published: 'gpt2' },
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

test('a published recipe of a model and a method beats the defaults, the protocol beats it, --set beats all', () => {
  const of = (published: string, method: string, protocol: string[] = [], ...settings: string[]) =>
    resolveRecipe(
      { task: cola, variant: parseVariant(method, methods), published },
      settings.map(splitSetting),
      parseProtocol(protocol),
    );
  const recipe = { learningRate: 4e-4, epochs: 40, batchSize: 32, promptLength: 256, warmup: 0.06 };
  expect(of('roberta-base', 'lora')).toMatchObject({ ...recipe, optimizer: 'adamw-hf' });
  expect(of('roberta-base', 'lora', ['paper'])).toMatchObject({ ...recipe, optimizer: 'adamw' });
  expect(of('roberta-base', 'lora', [], 'optimizer=sgd', 'epochs=1')).toMatchObject({
    ...recipe,
    epochs: 1,
    optimizer: 'sgd',
  });
  expect(of('none', 'lora')).toMatchObject({ learningRate: 2e-4, epochs: 1, batchSize: 4 });
});

test('seeds are those of the protocol, else of the recipe, else 42', () => {
  const of = (task: string, published: string, ...protocol: string[]) =>
    defaultSeeds(
      { task: { ...copyTask, name: task }, variant: parseVariant('red', methods), published },
      parseProtocol(protocol),
    );
  expect(of('cola', 'roberta-base')).toEqual([42, 43, 44, 45, 46]);
  expect(of('cola', 'roberta-base', 'code')).toEqual(Array.from({ length: 15 }, (_, i) => 42 + i));
  expect(of('cola', 't5-base', 'seeds-cola-rte=code')).toEqual([42, 43, 44, 45, 46, 47, 48, 49, 50]);
  expect(of('mnli', 'roberta-large', 'code')).toEqual([42]);
  expect(of('sst2', 'roberta-large', 'code')).toEqual([42, 43, 44]);
  expect(of('sst2', 'roberta-base', 'code')).toEqual([42, 43, 44, 45, 46]);
  expect(of('mrpc', 't5-base', 'code')).toEqual([42]);
  expect(of('cola', 'none')).toEqual([42]);
  expect(of('copy', 'roberta-base')).toEqual([42]);
});

test('bad settings are named', () => {
  expect(isRecipeKey('batchSize')).toBe(true);
  expect(() => resolve('red', 'batchsize=8')).toThrow(
    /^--set has no option "batchsize". Did you mean "batchSize"\? It has: learningRate, /,
  );
  expect(() => resolve('red', 'batchSize=many')).toThrow(
    /^--set: batchSize=many is not allowed: got "many", wants a number\. \(batchSize: examples/,
  );
  expect(() => resolve('red', 'schedule=step')).toThrow('got "step", wants one of linear, cosine, constant.');
  expect(() => splitSetting('batchSize')).toThrow('"batchSize" is not of the form key=value, such as');
  expect(() => splitSetting('=8')).toThrow('"=8" is not of the form key=value, such as');
});

test('a plan takes options and seeds from the recipe of its base, unless others are asked for', async () => {
  const [tasks, real] = [await loadTasks(), await loadMethods()];
  const of = async (changes: Partial<RunRequest>) => {
    const request = {
      tasks: ['cola'],
      methods: ['lora'],
      models: ['FacebookAI/roberta-large'],
      settings: [],
    };
    const { cells } = await planRuns(
      { ...request, engine: 'js', results: 'results', data: 'hub', ...changes },
      real,
      tasks,
    );
    return [cells[0]!.variant.name, cells[0]!.recipe.epochs, cells.map(({ seed }) => seed)];
  };
  expect(await of({})).toEqual(['lora', 20, [42, 43, 44, 45, 46]]);
  expect(await of({ methods: ['lora~alpha=4'], seeds: [7] })).toEqual(['lora~alpha=4', 20, [7]]);
  expect(await of({ settings: ['alpha=8', 'epochs=3'] })).toEqual(['lora~alpha=8', 3, [42, 43, 44, 45, 46]]);
  expect(await of({ recipe: 'none' })).toEqual(['lora', 10, [42]]);
  expect(await of({ models: ['tiny'] })).toEqual(['lora', 10, [42]]);
  expect(await of({ models: ['tiny'], recipe: 'roberta-base' })).toEqual(['lora', 40, [42, 43, 44, 45, 46]]);
  await expect(of({ recipe: 'bert' })).rejects.toThrow(/no published recipe of "bert"/);
});

test('a template of prompts is for tasks that follow instructions', async () => {
  expect(() => resolve('red', 'template=alpaca')).toThrow(
    /template=alpaca: the task copy has one form of prompt/,
  );
  const math = (await loadTasks()).get('math')!;
  const variant = parseVariant('red', methods);
  const of = (...settings: string[]) =>
    resolveRecipe({ task: math, variant, published: 'none' }, settings.map(splitSetting));
  expect(of()).toMatchObject({ template: 'pyreft', length: 512 });
  expect(of('template=llm-adapters', 'loss-on=everything')).toMatchObject({
    template: 'llm-adapters',
    lossOn: 'everything',
  });
  expect(() => of('template=alpacca')).toThrow(/template/);
});

test("LLM-Adapters' recipe holds back 120 examples; tasks that have some to validate on refuse", async () => {
  const tasks = await loadTasks();
  const variant = parseVariant('lora', methods);
  const of = (task: string, published: string, ...settings: string[]) =>
    resolveRecipe({ task: tasks.get(task)!, variant, published }, settings.map(splitSetting));
  for (const task of ['math', 'commonsense'])
    expect(of(task, 'llama-7b')).toMatchObject({ validationExamples: 120, evaluateEvery: 200 });
  expect(of('math', 'none')).not.toHaveProperty('validationExamples');
  expect(of('alpaca', 'none', 'validation-examples=2000')).toMatchObject({ validationExamples: 2000 });
  for (const task of ['e2e', 'sst2', 'metamath'])
    expect(() => of(task, 'none', 'validation-examples=5')).toThrow(
      `validationExamples=5: the task ${task} has examples of its own to validate on`,
    );
});
