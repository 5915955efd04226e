// Regression test: a user's task on a built-in base trained with the recipe of the built-in tasks instead of
// its own defaults, and a user's method ran at its default rate beside tuned ones, both without a note.
// Expected precedence: task < method < recipe (of this task, base and method) < protocol < --set.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { z } from 'zod';
import type { Task } from '../../harness/data/examples/task.ts';
import { defineMethod, type Method } from '../../harness/models/method.ts';
import { dryRunText } from '../../harness/cli/terminal/dry-run.ts';
import { untunedRates } from '../../harness/runs/plan/plan-notes.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import type { Plan, RunRequest } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { previewCells } from '../../harness/runs/plan/preview.ts';
import { benchInside } from '../cli/inside.ts';

const [builtinTasks, builtinMethods] = [await loadTasks(), await loadMethods()];
const sst2 = builtinTasks.get('sst2')!;
const own = { batchSize: 32, epochs: 3, promptLength: 64 };
const mine: Task = { ...sst2, name: 'mine', label: 'Mine', defaults: own };
const scale = defineMethod({
  name: 'scale',
  label: 'Scale',
  paper: 'an example',
  formula: 'h → s ⊙ h',
  options: z.strictObject({}),
  defaults: { learningRate: 1e-2 },
  attach: () => ({ trained: {} }),
}) as Method;
const tasks = new Map<string, Task>([...builtinTasks, ['mine', mine]]);
const methods = new Map<string, Method>([...builtinMethods, ['scale', scale]]);
const results = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(results, { recursive: true }));

function plan(changes: Partial<RunRequest>): Promise<Plan> {
  const request = {
    tasks: ['mine'],
    methods: ['red'],
    models: [],
    settings: [],
    seeds: [1],
    data: 'built-in',
  };
  return planRuns({ ...request, engine: 'js', results, ...changes }, methods, tasks);
}

test("a task of one's own keeps its own defaults; a built-in recipe serves where it is asked for", async () => {
  const [cell] = (await plan({})).cells;
  expect(cell!.recipe).toMatchObject({ ...own, learningRate: 0.06, head: 'paper' });
  expect(cell!.origins.recipe).toMatchObject({
    batchSize: 'task mine',
    epochs: 'task mine',
    learningRate: 'method red',
  });
  const [asked] = (await plan({ recipe: 'roberta-mini', settings: ['epochs=2'] })).cells;
  expect(asked!.recipe).toMatchObject({ batchSize: 16, epochs: 2, learningRate: 0.03, head: 'mean' });
  expect(asked!.origins.recipe).toMatchObject({
    batchSize: 'recipe roberta-mini (built-in)',
    promptLength: 'task mine',
    epochs: '--set',
  });
});

test('built-in tasks keep what was tuned for them', async () => {
  const [cell] = (await plan({ tasks: ['sst2'] })).cells;
  expect(cell!.recipe).toMatchObject({ batchSize: 16, epochs: 15, learningRate: 0.03, head: 'mean' });
});

test('one line tells of rates that nobody tuned there', async () => {
  const notes = async (changes: Partial<RunRequest>) => untunedRates((await plan(changes)).cells);
  expect(await notes({})).toEqual([
    'mine on roberta-mini: nobody tuned the learning rate of RED (0.06) here; this is its own default. ' +
      '--recipe roberta-mini takes what was tuned on built-in tasks of this kind; ' +
      '--sweep learningRate=a,b tries others.',
  ]);
  expect(await notes({ tasks: ['sst2'], methods: ['red', 'scale', 'none'] })).toEqual([
    'sst2 on roberta-mini: nobody tuned the learning rate of Scale (0.01) here; this is its own default, ' +
      'while a recipe gives that of RED. --sweep learningRate=a,b tries others.',
  ]);
  expect(await notes({ tasks: ['rte'], models: ['all-MiniLM-L6-v2'], methods: ['red', 'lora'] })).toEqual([
    'rte on all-MiniLM-L6-v2: nobody tuned the learning rate of RED (0.06), LoRA (0.0002) here; ' +
      "these are the methods' own defaults. --sweep learningRate=a,b tries others.",
  ]);
  expect((await notes({ models: ['roberta-base'] }))[0]).toMatch(
    / The recipes of roberta-base are for .*rte.*; --sweep/,
  );
  // No note is due where the user sets the rate or nothing of the base is trained.
  for (const changes of [
    { settings: ['learning-rate=0.1'] },
    { sweep: ['learningRate=0.1,0.2'] },
    { methods: ['none'] },
    { tasks: ['sst2'] },
    { tasks: ['rte'], models: ['FacebookAI/roberta-base'] },
  ])
    expect(await notes(changes)).toEqual([]);
});

test('the dry run is a table of setting, value and where it comes from', async () => {
  const made = await plan({
    tasks: ['cola'],
    methods: ['lora'],
    models: ['roberta-base'],
    settings: ['alpha=4', 'clip=1'],
  });
  const rows = dryRunText(await previewCells(made))
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
  expect(rows).toContainEqual(['setting', 'value', 'from']);
  for (const row of [
    ['lora.rank', '8', 'recipe roberta-base (red/table-9)'],
    ['lora.alpha', '4', '--set'],
    ['lora.dropout', '0', 'default'],
    ['learningRate', '0.0004', 'recipe roberta-base (red/table-9)'],
    ['optimizer', 'adamw-hf', 'protocol'],
    ['clip', '1', '--set'],
    ['beta1', '0.9', 'default'],
    ['data', 'built-in', '--data'],
    ['seeds', '1', '--seeds'],
  ])
    expect(rows).toContainEqual(row);
  const [cell] = (await plan({ methods: ['scale'] })).cells;
  expect(cell!.origins.recipe.learningRate).toBe('method scale');
});

test('a dry run refuses what the run refuses', async () => {
  const bench = benchInside(results);
  const refusedIn = async (place: string, ...args: string[]) => {
    const dry = await bench('--method', 'red', '--results', place, ...args, '--dry-run');
    expect([dry.exitCode, dry.stdout]).toEqual([2, '']);
    return dry.stderr;
  };
  const refused = (...args: string[]) => refusedIn(results, ...args);
  expect(await refused('--task', 'e2e', '--model', 'roberta-mini')).toContain('roberta-mini is an encoder');
  expect(await refused('--task', 'e2e', '--data', results)).toContain('e2e');
  expect(await refusedIn('package.json/x', '--task', 'sst2')).toContain('package.json is no folder');
  expect(await refused('--task', 'sst2', '--launcher', 'slurm', '--slurm', 'gpus=many')).toContain(
    '--slurm gpus=many',
  );
  expect(
    await refused(
      '--task',
      'sst2',
      '--model',
      'random-gpt2~layers=2,width=16,heads=2',
      '--tokenizer',
      results,
    ),
  ).toMatch(/^error: /);
});
