// Tests of the executor with a mocked training: records, retries, changed settings, records under older
// names.
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, expect, test, vi } from 'vitest';
import type { Tokenizer } from '../../../harness/data/tokenizers/tokenizer.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { hashFile } from '../../../harness/support/hash.ts';
import type { Task, TokenPair } from '../../../harness/data/examples/task.ts';
import { randomBase } from '../../../harness/models/bases/random-base.ts';
import { executePlan } from '../../../harness/runs/execute/execute-plan.ts';
import type { ExecuteOptions, Outcome } from '../../../harness/runs/execute/executor.ts';
import { planRuns } from '../../../harness/runs/plan/plan-runs.ts';
import { addressOf, type RunRequest } from '../../../harness/runs/plan/cell.ts';
import { previewCells } from '../../../harness/runs/plan/preview.ts';
import {
  Diverged,
  Interrupted,
  type TrainingJob,
  type TrainingResult,
} from '../../../harness/training/loop/job.ts';
import { summariseRow } from '../../../harness/reporting/tables/row.ts';
import { copyTask, methods } from '../fake.ts';

// Training and decoding are mocked: the tests cover the executor around them.
const train = vi.hoisted(() => vi.fn<(job: TrainingJob<TokenPair>) => Promise<TrainingResult>>());
vi.mock('../../../harness/training/loop/train.ts', () => ({ train }));
vi.mock('../../../harness/decoding/generate.ts', async (original) => ({
  ...(await original<typeof import('../../../harness/decoding/generate.ts')>()),
  generate: ({ prompts }: { prompts: number[][] }) => Promise.resolve({ tokens: prompts, seconds: 2 }),
}));
vi.mock('../../../harness/models/bases/load-base.ts', () => ({
  loadBase: (id: string) => {
    const { config, architecture, hash } = randomBase('random-gpt2~layers=1,width=8,heads=1,vocab=300');
    const { family, sites, shapes } = architecture;
    const base = { id, family, config, architecture, sites, shapes, hash: () => Promise.resolve(hash) };
    return Promise.resolve({ ...base, tokenizer: () => Promise.resolve(tokenizer) });
  },
}));
const tokenizer: Tokenizer = {
  encode: (text) => [...Buffer.from(text)],
  encodeAll: (texts) => texts.map((text) => [...Buffer.from(text)]),
  decode: (ids) => Buffer.from(ids).toString(),
  template: (texts) => ({ ids: texts.flat(), types: texts.flat().map(() => 0) }),
  vocabSize: 300,
  chat: () => '',
  tokenId: () => undefined,
  eosId: 299,
  files: [],
  hash: 'f'.repeat(64),
};

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
vi.stubEnv('DELTABENCH_CACHE', join(root, 'cache'));
afterAll(() => rm(root, { recursive: true }));

const trained: TrainingResult = {
  tensors: { 'red.bias': { shape: [2], data: Float32Array.of(1, 2) } },
  bestStep: 2,
  totalSteps: 3,
  log: [1, 2, 3].map((step) => ({
    step,
    loss: 1 / step,
    learningRate: 0.1,
    gradientNorm: 1,
    milliseconds: 100,
    tokens: 50,
  })),
  evaluations: [{ step: 2, loss: 0.5, seconds: 0.1 }],
  neverMoved: [],
  seconds: { compile: 1, train: 0.3, evaluate: 0.1 },
};

let count = 0;
let results: string;
beforeEach(() => {
  results = join(root, String(count++));
  train.mockReset().mockResolvedValue(trained);
});

const tasks: ReadonlyMap<string, Task> = new Map([['copy', copyTask]]);
const planOf = (changes: Partial<RunRequest> = {}) => {
  const common = { tasks: ['copy'], methods: ['red'], models: ['tiny'], seeds: [42], settings: [] };
  return planRuns({ ...common, engine: 'js', results, data: 'hub', ...changes }, methods, tasks);
};
const notes: string[] = [];
const options: ExecuteOptions = {
  events: {
    onStart: () => undefined,
    onProgress: () => undefined,
    onEnd: () => undefined,
    onNote: (text) => notes.push(text),
  },
  signal: new AbortController().signal,
  retryFailed: false,
};
/** Selects the comparable part of outcomes; cells hold functions, which every plan makes anew. */
const saidOf = (outcomes: readonly Outcome[]) =>
  outcomes.map(({ cell, record, path }) => ({ address: addressOf(cell), record, path }));
const execute = async (changes: Partial<RunRequest> = {}, more: Partial<ExecuteOptions> = {}) =>
  executePlan(await planOf(changes), { ...options, ...more });

test('a finished run leaves a whole record and its files, and is not done twice', async () => {
  const [outcome] = await execute({ limit: 3, maxSteps: 5 });
  const { record, path } = outcome!;
  expect(path).toBe(join(results, 'copy', 'tiny', 'red', 'seed-42.json'));
  expect(record).toMatchObject({
    status: 'finished',
    attempt: 1,
    settings: {
      task: { name: 'copy', version: 1 },
      recipe: { maxSteps: 5, batchSize: 4 },
      limits: { examples: 3, steps: 5 },
      seed: 42,
    },
    examples: { train: { used: 3, of: 4 }, validation: { used: 2, of: 2 }, test: { used: 3, of: 4 } },
    metrics: [{ name: 'exact', split: 'test', value: 1, scale: 100 }],
    training: { steps: 3, bestStep: 2, evaluations: [{ step: 2, loss: 0.5, seconds: 0.1 }] },
    engine: { name: 'js', device: 'cpu' },
    environment: { node: process.version },
  });
  expect(record.tokensPerSecond.train).toBeCloseTo(500, 9);
  expect(record.tokensPerSecond.generate).toBeCloseTo(1.5, 9);
  expect(record.peakMemoryBytes).toBeGreaterThan(1e7);
  expect((await readdir(dirname(path))).sort()).toEqual([
    'seed-42.json',
    'seed-42.predictions.jsonl',
    'seed-42.safetensors',
    'seed-42.steps.jsonl',
  ]);
  for (const { name, sha256 } of Object.values(record.files)) {
    expect(await hashFile(join(dirname(path), name))).toBe(sha256);
  }
  const lines = (await readFile(path.replace('.json', '.predictions.jsonl'), 'utf8')).trim().split('\n');
  expect(lines.map((line) => (JSON.parse(line) as { prediction: string }).prediction)).toEqual([
    'a',
    'b',
    'c',
  ]);

  expect(saidOf(await execute({ limit: 3, maxSteps: 5 }))).toEqual(saidOf([{ ...outcome!, record }]));
  expect(train).toHaveBeenCalledTimes(1);
  expect(train.mock.calls[0]![0].train).toHaveLength(3);
});

test('a run of other settings takes its own place', async () => {
  const first = await execute();
  const second = await execute({ settings: ['learningRate=0.5'] });
  expect(second[0]!.path).toBe(
    first[0]!.path.replace('.json', `~${second[0]!.record.identity.slice(0, 8)}.json`),
  );
  expect(saidOf(await execute())).toEqual(saidOf(first));
  const states = await previewCells(await planOf({ settings: ['learningRate=0.5'], seeds: [42, 43] }));
  expect(states.map(({ state, path }) => [state, path])).toEqual([
    ['finished', second[0]!.path],
    ['missing', first[0]!.path.replace('42', '43')],
  ]);
});

test('a failed seed is recorded and the rest goes on; only --retry failed tries it again', async () => {
  train.mockRejectedValueOnce(new Diverged('the loss is NaN at step 7 of 9'));
  const outcomes = await execute({ seeds: [1, 2] });
  expect(outcomes.map(({ record }) => record.status)).toEqual(['failed', 'finished']);
  expect(outcomes[0]!.record).toMatchObject({
    error: { name: 'Diverged', message: 'the loss is NaN at step 7 of 9' },
    metrics: [],
    examples: { train: { used: 4, of: 4 } },
  });
  expect(saidOf(await execute({ seeds: [1, 2] }))).toEqual(saidOf(outcomes));
  expect(train).toHaveBeenCalledTimes(2);
  const [again] = await execute({ seeds: [1] }, { retryFailed: true });
  expect(again!.record).toMatchObject({ status: 'finished', attempt: 2 });
});

test('trained tensors that never moved fail the run, and its log is kept', async () => {
  train.mockResolvedValue({ ...trained, neverMoved: ['red.bias'] });
  const [outcome] = await execute();
  expect(outcome!.record.error?.message).toBe('trained tensors that never moved: red.bias');
  expect(Object.keys(outcome!.record.files)).toEqual(['steps']);
});

test('what was stopped leaves no record and its work stays', async () => {
  train.mockRejectedValueOnce(new Interrupted('stopped after step 2 of 9'));
  await expect(execute()).rejects.toThrow(Interrupted);
  expect(await readdir(join(results, 'copy', 'tiny', 'red'))).toEqual(['seed-42.work']);
  const [outcome] = await execute();
  expect(outcome!.record.status).toBe('finished');
  expect(await readdir(dirname(outcome!.path))).not.toContain('seed-42.work');
});

test('an abort between two runs stops before the next', async () => {
  const controller = new AbortController();
  const events = {
    ...options.events,
    onEnd: () => {
      controller.abort();
    },
  };
  await expect(execute({ seeds: [1, 2] }, { events, signal: controller.signal })).rejects.toThrow(
    Interrupted,
  );
  expect(train).toHaveBeenCalledTimes(1);
});

test('a full disk is no failure of the method: nothing is recorded', async () => {
  train.mockRejectedValueOnce(new UsageError('Cannot write x: the disk is full.'));
  await expect(execute()).rejects.toThrow('the disk is full');
  expect(await readdir(join(results, 'copy', 'tiny', 'red'))).toEqual(['seed-42.work']);
});

test('a broken record is reported and stays', async () => {
  const { path } = (await execute())[0]!;
  await writeFile(path, '{"schema":1,');
  notes.length = 0;
  const [outcome] = await execute({ settings: ['learning-rate=0.01'] });
  expect(notes).toEqual([
    `${path} is not used and stays as it is: it is not JSON; it was cut short or is another file.`,
  ]);
  expect(outcome!.path).not.toBe(path);
  expect(await readFile(path, 'utf8')).toBe('{"schema":1,');
});

test('a cell asked for twice is one cell; --set reaches methods that have the option', async () => {
  const twice = await planOf({ methods: ['red', 'red~position=ffn'], seeds: [1, 1] });
  expect(twice.cells).toHaveLength(1);
  const set = await planOf({ methods: ['red', 'lora'], settings: ['alpha=3', 'beams=4'] });
  expect(set.cells.map(({ variant, recipe }) => [variant.name, recipe.beams])).toEqual([
    ['red', 4],
    ['lora~alpha=3', 4],
  ]);
  await expect(planOf({ settings: ['alpha=3'] })).rejects.toThrow(
    /^"alpha" is an option of lora, of which none is asked for here\. Options of red: position/,
  );
});

test('a frozen base that draws nothing is run once for all seeds, and stands for them in a table', async () => {
  const outcomes = await execute({ methods: ['red', 'none'], seeds: [1, 2, 3] });
  expect(outcomes.map(({ cell }) => [cell.variant.name, cell.seed])).toEqual([
    ...[1, 2, 3].map((seed) => ['red', seed]),
    ['none', 1],
  ]);
  const [frozen] = outcomes.slice(3);
  const row = summariseRow({
    task: 'copy',
    model: 'tiny',
    variant: 'none',
    label: 'Frozen base',
    records: [frozen!.record],
  });
  expect(row).toMatchObject({ planned: 1, finished: 1, everySeed: true });
  expect(row.notes).toContain('Frozen base: nothing is trained, so that one run stands for every seed');
  // A record of any asked seed is reused.
  train.mockClear();
  expect((await execute({ methods: ['none'], seeds: [7, 1] })).map(({ cell }) => cell.seed)).toEqual([1]);
  expect(train).not.toHaveBeenCalled();
});

test('a record that an earlier version kept under a longer name is found', async () => {
  const task = { ...copyTask, name: 'e2e' };
  const of = async (changes: Partial<RunRequest>) => {
    const request = { tasks: ['e2e'], methods: ['lora'], models: ['gpt2-medium'], seeds: [1], settings: [] };
    return planRuns(
      { ...request, engine: 'js', results, data: 'hub', ...changes },
      methods,
      new Map([['e2e', task]]),
    );
  };
  const { cells, ...common } = await of({});
  const [cell] = cells;
  expect([cell!.variant.name, cell!.formerly]).toEqual(['lora', 'lora~alpha=32']);
  const earlier = { ...cell!, variant: { ...cell!.variant, name: cell!.formerly } };
  const [done] = await executePlan({ ...common, cells: [earlier] }, options);
  expect(done!.path).toBe(join(results, 'e2e', 'gpt2-medium', 'lora~alpha=32', 'seed-1.json'));
  train.mockClear();
  expect((await previewCells({ ...common, cells })).map(({ state, path }) => [state, path])).toEqual([
    ['finished', done!.path],
  ]);
  const [again] = await executePlan({ ...common, cells }, options);
  expect([again!.path, train.mock.calls]).toEqual([done!.path, []]);
});
