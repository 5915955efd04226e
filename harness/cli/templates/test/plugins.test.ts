/**
 * Trains every method of this folder on every task of it for a few steps, and loads its evaluations. Add the
 * names of yours to the lists.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { loadEvaluations, loadMethods, loadTasks, run } from 'deltabench';

const methods = ['scale'];
const tasks = ['guests'];
const evaluations = ['moods'];

/** Milliseconds, enough for a busy machine. */
const timeout = 300_000;

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true, force: true }));

test('methods, tasks and evaluations load', { timeout }, async () => {
  expect([...(await loadMethods()).keys()]).toEqual(expect.arrayContaining(methods));
  expect([...(await loadTasks()).keys()]).toEqual(expect.arrayContaining(tasks));
  expect([...(await loadEvaluations()).keys()]).toEqual(expect.arrayContaining(evaluations));
});

const pairs = tasks.flatMap((task) => methods.map((method) => [task, method] as const));
test.each(pairs)('%s: %s trains, and again by the same numbers', { timeout }, async (task, method) => {
  const train = async (results: string) => {
    const request = {
      tasks: [task],
      methods: [method],
      seeds: [42],
      maxSteps: 30,
      results: join(folder, results),
    };
    const [outcome] = await run({ ...request, settings: ['evaluate-every=10'] });
    return outcome!.record;
  };
  const first = await train('first');
  expect(first.error).toBeUndefined();
  expect(first.parameters.trained).toBeGreaterThan(0);
  expect(first.training!.neverMoved).toEqual([]);
  const losses = first.training!.evaluations.map(({ loss }) => loss!);
  expect(Math.min(...losses)).toBeLessThan(losses[0]!);
  expect((await train('again')).metrics).toEqual(first.metrics);
});
