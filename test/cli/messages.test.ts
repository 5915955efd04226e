// Tests of messages for wrong input: each says what was given, what exists and what to do.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { durationText } from '../../harness/cli/terminal/duration.ts';
import { problemOf } from '../../harness/support/json/validation-messages.ts';
import { findEngine } from '../../harness/runs/plan/engine-choice.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import type { RunRequest } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { openTrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { benchInside } from './inside.ts';
import { z } from 'zod';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const [tasks, methods] = [await loadTasks(), await loadMethods()];

/** Gives the message with which a request is refused. */
async function refusal(changes: Partial<RunRequest>): Promise<string> {
  const request = {
    tasks: ['e2e'],
    methods: ['red'],
    models: [],
    settings: [],
    data: 'built-in',
    results: folder,
  };
  return planRuns({ ...request, engine: 'onnx', ...changes }, methods, tasks).then(
    () => 'it is not refused',
    (error: unknown) => String(error),
  );
}

test.each([
  [{ settings: ['lr=0.1'] }, 'There is no setting "lr": .* Did you mean "learningRate"'],
  [{ settings: ['learning_rate=0.1'] }, 'Did you mean "learningRate"'],
  [{ settings: ['num-train-epochs=3'] }, 'Did you mean "epochs"'],
  [{ settings: ['weight_decay=3'] }, 'Did you mean "weightDecay"'],
  [{ methods: ['lora'], settings: ['lora_alpha=3'] }, 'Did you mean "alpha"'],
  [{ settings: ['epochs=1', 'epochs=2'] }, '--set has epochs twice; give it once'],
  [
    { settings: ['rank=2'] },
    '"rank" is an option of adalora, .*lora, .* of which none is asked for here. Options of red: position',
  ],
  [{ sweep: ['rank=2,4'] }, '"rank" is an option of adalora, '],
  [{ settings: ['batchSize=many'] }, 'batchSize=many is not allowed: got "many", wants a number'],
  [{ settings: ['batchSize=0'] }, 'got 0, wants a number of more than 0'],
  [{ settings: ['schedule=step'] }, 'got "step", wants one of linear, cosine, constant'],
  [{ precision: 'fp16' }, 'it can be float32, tf32, bfloat16, float16. Did you mean "float16"'],
  [{ precision: 'tf32' }, '--precision tf32: only the tensor cores of NVIDIA have it: --device cuda.'],
  [{ precision: 'tf32', engine: 'js' }, 'js computes in float32'],
  [{ precision: 'bf16' }, 'Did you mean "bfloat16"'],
  [{ precision: 'torch.float32' }, 'Did you mean "float32"'],
  [{ device: 'gpu' }, 'There is no device "gpu". Did you mean "cuda".* Devices: cpu, webgpu, cuda, cuda:1'],
  [{ device: 'gpu:1' }, 'Did you mean "cuda:1"'],
  [{ device: 'mps' }, 'Did you mean "webgpu"'],
  [{ engine: 'js', device: 'cuda' }, '--device cuda: the engine js computes on the CPU alone'],
])('%j', async (changes, expected) => {
  expect(await refusal(changes)).toMatch(new RegExp(`^UsageError: .*${expected}`));
});

test('devices and precisions that exist are taken', () => {
  for (const device of ['cpu', 'webgpu', 'cuda', 'cuda:1'])
    expect(findEngine({ engine: 'onnx', device }).device).toBe(device);
  expect(findEngine({ engine: 'js', device: 'cpu', precision: 'float32' }).name).toBe('js');
});

test('a folder is no record, and the records below it are named', async () => {
  await mkdir(join(folder, 'e2e', 'red'), { recursive: true });
  for (const seed of [42, 43]) await writeFile(join(folder, 'e2e', 'red', `seed-${seed}.json`), '{}');
  const why = (path: string) => openTrainedRun(path).then(String, String);
  expect(await why(folder)).toContain(
    `${folder} is a folder; give a run's record, seed-<n>.json under results/. ` +
      `There: ${join(folder, 'e2e', 'red', 'seed-42.json')}, `,
  );
  expect(await why(join(folder, 'e2e', 'red', 'seed-7.json'))).toMatch(
    /^UsageError: There is no record .* There: .*seed-42\.json/,
  );
  expect(await why('package.json')).toContain('package.json is no record that can be used');
});

test('a name that is nearly a base inside comes before the network', async () => {
  process.env.HF_ENDPOINT = 'http://127.0.0.1:9';
  process.env.HF_HOME = folder;
  await expect(loadBase('roberta-mimi')).rejects.toThrow(
    'No base inside is called "roberta-mimi". Did you mean "roberta-mini"? As a name on the hub: ',
  );
  await expect(loadBase('somebody/something')).rejects.toThrow(/^Cannot reach /);
});

test('times are said as people say them', () => {
  const [hour, year] = [3600, 365.25 * 86_400];
  expect([5, 600, 3 * hour, 90 * hour, 39446.6 * hour, 2 * year].map(durationText)).toEqual([
    ...['5 s', '10 min', '3.0 h', '4 days', '4.5 years', '2.0 years'],
  ]);
});

test('what is wrong with a value is said in our words', () => {
  const problem = (schema: z.ZodType, value: unknown): string => problemOf(schema.safeParse(value).error!);
  expect(problem(z.object({ a: z.object({ b: z.number() }) }), { a: {} })).toBe(
    'a.b: got nothing, wants a number',
  );
  expect(problem(z.union([z.boolean(), z.literal('never')]), 'x')).toBe(
    'got "x", wants true or false, or never',
  );
  expect(problem(z.strictObject({}), { a: 1 })).toBe('got "a", which it does not know');
  expect(problem(z.array(z.int()).min(2), [1])).toBe('got [1], wants a list of at least 2 entries');
  expect(problem(z.string().regex(/^a/, 'expected an a'), 'b')).toBe('expected an a');
});

describe('the command line', () => {
  const bench = benchInside(folder);

  test('list begins with a summary, and shows one method', async () => {
    const { stdout } = await bench('list');
    expect(stdout.split('\n').length).toBeLessThan(20);
    expect(stdout).toMatch(/^methods +adalora [^]*\blora\b[^]*\bred\b/m);
    const red = await bench('list', 'methods', 'red');
    expect(red.stdout).toMatch(/learningRate=0\.06, where no recipe says otherwise/);
    expect(red.stdout).not.toContain('LoRA');
    const none = await bench('list', 'methods', 'rad');
    expect([none.exitCode, none.stderr]).toEqual([
      2,
      expect.stringContaining('There is no method "rad". Did you mean "red"?'),
    ]);
  });

  test('list recipes shows those of the built-in bases', async () => {
    const { stdout } = await bench('list', 'recipes');
    expect(stdout).toMatch(
      /^ +built-in +cola,.* +roberta-mini +red +learningRate=0\.03 batchSize=16 epochs=15 /m,
    );
  });

  test('a folder for a file of score, and a task that a table lacks', async () => {
    const score = await bench('score', '--task', 'e2e', '--predictions', folder, '--references', folder);
    expect([score.exitCode, score.stderr]).toEqual([
      2,
      expect.stringContaining(`${folder} is a folder; give a file`),
    ]);
    const { exitCode, stderr } = await bench('reproduce', 'red/table-6', '--tasks', 'colla', '--dry-run');
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining('Did you mean "cola"?')]);
  });

  test.each([
    [['export', 'seed-1.json'], 'export needs --out <folder>: '],
    [['score'], 'score needs --task <name>: whose metrics (e2e, text).'],
    [['fetch', 'model'], 'fetch model needs <id>: hub id.'],
    [['reproduce'], 'reproduce needs <table>: '],
    [
      ['fetch', 'modle'],
      'fetch has no "modle". Did you mean "model"? It has: model, data, meteor, alpaca-eval.',
    ],
    [['eval', 'mmlu'], '"mmlu" belongs to no option: eval takes options alone (eval --help).'],
    [
      ['fetch', 'model', 'gpt2', 'x'],
      '"x" belongs to no option: fetch model takes nothing behind <id> but options',
    ],
  ])('%j says what belongs there', async (args, expected) => {
    const { exitCode, stderr, stdout } = await bench(...args);
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toContain(`error: ${expected}`);
  });

  test('params takes options of methods', async () => {
    const { stdout } = await bench('params', '--model', 'gpt2', '--method', 'lora', '--set', 'rank=4');
    expect(stdout).toContain('trainable params: 147,456 ');
    const hyper = await bench('params', '--model', 'gpt2', '--method', 'lora', '--set', 'epochs=4');
    expect([hyper.exitCode, hyper.stderr]).toEqual([
      2,
      expect.stringContaining('--set epochs: a hyper-parameter changes no count'),
    ]);
  });
});
