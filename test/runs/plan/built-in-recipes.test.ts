// Tests of the recipes of built-in bases: which runs use them, and that their learning rates were tuned.
import { readFile } from 'node:fs/promises';
import { parse } from 'csv-parse/sync';
import { afterEach, expect, test, vi } from 'vitest';
import { builtinRecipes } from '../../../harness/runs/plan/built-in-recipes.ts';
import { planRuns } from '../../../harness/runs/plan/plan-runs.ts';
import type { RunRequest } from '../../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const [tasks, methods] = [await loadTasks(), await loadMethods()];

/** Describes the models, data sources and seeds of a plan. */
async function planned(changes: Partial<RunRequest>): Promise<string[]> {
  const { cells } = await planRuns(
    {
      tasks: ['e2e'],
      methods: ['red'],
      models: [],
      settings: [],
      engine: 'js',
      results: 'results',
      ...changes,
    },
    methods,
    tasks,
  );
  return cells.map(({ task, model, source, seed }) => `${task.name} ${model} ${source.kind} ${seed}`);
}

afterEach(() => {
  vi.unstubAllEnvs();
});

test('without a model, a task takes its built-in base, with data and seeds of its own', async () => {
  vi.stubEnv('DELTABENCH_DATA', '');
  expect(await planned({ tasks: ['e2e', 'sst2'] })).toEqual([
    ...[42, 43, 44].map((seed) => `e2e gpt2-mini built-in ${seed}`),
    ...[42, 43, 44].map((seed) => `sst2 roberta-mini built-in ${seed}`),
  ]);
});

test('real data comes with a real base, or where it is asked for', async () => {
  vi.stubEnv('DELTABENCH_DATA', '');
  expect(await planned({ models: ['gpt2', 'llama-mini'], seeds: [1] })).toEqual([
    'e2e gpt2 hub 1',
    'e2e llama-mini built-in 1',
  ]);
  expect(await planned({ data: 'hub', seeds: [1] })).toEqual(['e2e gpt2-mini hub 1']);
  expect(await planned({ models: ['gpt2'], data: 'built-in', seeds: [1] })).toEqual(['e2e gpt2 built-in 1']);
  vi.stubEnv('DELTABENCH_DATA', await temporaryFolder());
  expect(await planned({ seeds: [1] })).toEqual(['e2e gpt2-mini folder 1']);
  expect(await planned({ seeds: [1], data: 'built-in' })).toEqual(['e2e gpt2-mini built-in 1']);
});

test('a recipe of a built-in base may be taken elsewhere, or left out', async () => {
  vi.stubEnv('DELTABENCH_DATA', '');
  expect(await planned({ models: ['gpt2'], recipe: 'gpt2-mini' })).toHaveLength(3);
  expect(await planned({ recipe: 'none' })).toEqual(['e2e gpt2-mini built-in 42']);
});

test('every learning rate of a recipe was tried, and no other is better by more than half a percent', async () => {
  const file = new URL('../../../harness/runs/plan/tuning-trials.csv', import.meta.url);
  const trials = parse<Record<string, string>>(await readFile(file), { columns: true });
  for (const { task, method, settings } of builtinRecipes([...methods.keys()])) {
    const tasks = task.split(',');
    const own = trials.filter((trial) => trial.method === method && tasks.includes(trial.task!));
    const rates = own.map(({ learningRate }) => Number(learningRate));
    expect(rates, `${method} on ${task}`).toContain(settings.learningRate);
    if (task !== 'e2e') continue;
    const chosen = own.filter(({ learningRate }) => Number(learningRate) === settings.learningRate);
    const least = (rows: typeof own) => Math.min(...rows.map(({ value }) => Number(value)));
    expect(least(chosen), method).toBeLessThanOrEqual(1.005 * least(own));
  }
});
