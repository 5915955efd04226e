import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { executePlan } from '../../harness/runs/execute/execute-plan.ts';
import { planRuns } from '../../harness/runs/plan/plan-runs.ts';
import type { RunRequest } from '../../harness/runs/plan/cell.ts';
import { loadMethods, loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { words, writeTinyEncoder } from './tiny-encoder.ts';
import { commandLine } from '../cli/command-line.ts';

// Whole runs of GLUE on made-up rows and a tiny encoder of random weights.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
vi.stubEnv('DELTABENCH_CACHE', join(folder, 'cache'));
const data = join(folder, 'data');
const model = join(folder, 'tiny');
const [methods, tasks] = [await loadMethods(), await loadTasks()];

/** Sentences of which the first word tells the label. */
const sentence = (i: number): string => `${words[i % 2]!} ${words[2 + (i % 6)]!} ${words[8 + (i % 8)]!}`;
const table = (header: string[], rows: string[][]): string =>
  [...(header.length ? [header] : []), ...rows].map((row) => row.join('\t')).join('\n');
const numbered = (n: number, row: (i: number) => string[]): string[][] =>
  Array.from({ length: n }, (_, i) => row(i));

beforeAll(async () => {
  await writeTinyEncoder(model);
  const cola = (n: number) =>
    table(
      [],
      numbered(n, (i) => ['made', String(i % 2), '', sentence(i)]),
    );
  const mnli = (n: number) =>
    table(
      ['sentence1', 'sentence2', 'gold_label'],
      numbered(n, (i) => [
        sentence(i),
        sentence(i + (i % 3)),
        ['entailment', 'neutral', 'contradiction'][i % 3]!,
      ]),
    );
  const stsb = (n: number) =>
    table(
      ['sentence1', 'sentence2', 'score'],
      numbered(n, (i) => [sentence(i), sentence(i + (i % 6)), (5 - (i % 6)).toFixed(3)]),
    );
  const files: Record<string, string> = {
    'CoLA/train.tsv': cola(48),
    'CoLA/dev.tsv': cola(21),
    'MNLI/train.tsv': mnli(30),
    'MNLI/dev_matched.tsv': mnli(12),
    'MNLI/dev_mismatched.tsv': mnli(6),
    'STS-B/train.tsv': stsb(24),
    'STS-B/dev.tsv': stsb(12),
    'RTE/train.tsv': 'sentence1\tsentence2\tlabel\na\tb\tentailment\n',
    'RTE/dev.tsv': 'sentence1\tsentence2\nb\tentailment\n',
    'QNLI/dev.tsv': 'question\tsentence\tlabel\na\tb\tentailment\n',
  };
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(data, path)), { recursive: true });
    await writeFile(join(data, path), text);
  }
});
afterAll(() => rm(folder, { recursive: true }));

let count = 0;
async function run(changes: Partial<RunRequest>): Promise<{ record: RunRecord; predictions: Row[] }[]> {
  const results = join(folder, `results-${count++}`);
  const request: RunRequest = {
    tasks: ['cola'],
    methods: ['red'],
    models: [model],
    seeds: [42],
    engine: 'onnx',
    threads: 1,
    settings: ['epochs=2', 'batchSize=8', 'learningRate=0.02'],
    results,
    data,
    ...changes,
  };
  const outcomes = await executePlan(await planRuns(request, methods, tasks), {
    events: { onStart: ignore, onProgress: ignore, onEnd: ignore, onNote: ignore },
    signal: new AbortController().signal,
    retryFailed: false,
  });
  return Promise.all(
    outcomes.map(async ({ record, path }) => {
      expect(record.error).toBeUndefined();
      const lines = await readFile(path.replace(/\.json$/, '.predictions.jsonl'), 'utf8');
      return {
        record,
        predictions: lines
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Row),
      };
    }),
  );
}
const runOne = async (changes: Partial<RunRequest>) => (await run(changes))[0]!;
const ignore = () => undefined;
interface Row {
  readonly id: string;
  readonly label: number;
  readonly prediction: number | string;
  readonly set?: string;
  readonly references?: string[];
}

test('classes: the first metric chooses the epoch, every prediction is kept, the seed draws the split', async () => {
  const runs = await run({ seeds: [42, 43], settings: ['epochs=12', 'batchSize=8', 'learningRate=0.02'] });
  const { record, predictions } = runs[0]!;
  expect(record.examples).toMatchObject({
    train: { used: 48, of: 48 },
    validation: { used: 11, of: 11 },
    test: { used: 10, of: 10 },
  });
  const { bestStep, evaluations } = record.training!;
  expect(evaluations).toHaveLength(12);
  const chosen = evaluations.map(({ metrics }) => metrics!.Matthews!);
  expect(bestStep).toBe(evaluations[chosen.indexOf(Math.max(...chosen))]!.step);
  // The labels can be read off the first word, so that training must find them.
  expect(record.metrics.map(({ name }) => name)).toEqual(['Matthews', 'accuracy']);
  expect(record.metrics[1]!.value).toBeGreaterThan(0.7);
  const right = predictions.filter(({ label, prediction }) => label === prediction).length;
  expect(record.metrics[1]!.value).toBeCloseTo(right / 10, 12);
  const [one, two] = runs.map((each) => each.predictions.map(({ id }) => id).sort());
  expect(one).toHaveLength(10);
  expect(two).not.toEqual(one);
});

test("mnli's mismatched examples are predicted and scored apart; the head alone", async () => {
  const { record, predictions } = await runOne({ tasks: ['mnli'], methods: ['none'] });
  expect(record.metrics.map(({ name }) => name)).toEqual(['accuracy', 'accuracy (mismatched)']);
  const mismatched = predictions.filter(({ set }) => set === 'mismatched');
  expect([predictions.length, mismatched.length]).toEqual([12, 6]);
  const right = mismatched.filter(({ label, prediction }) => label === prediction).length;
  expect(record.metrics[1]!.value).toBeCloseTo(right / 6, 12);
  // Linear(16, 16) and Linear(16, 3), and nothing of the base.
  expect(record.parameters).toMatchObject({ trained: 0, head: 16 * 17 + 3 * 17 });
});

test('values: two correlations; a method beside another', async () => {
  const [red, lora] = await run({ tasks: ['stsb'], methods: ['red', 'lora'] });
  expect(red!.record.metrics.map(({ name }) => name)).toEqual(['Pearson', 'Spearman']);
  expect(red!.predictions.every(({ prediction }) => Number.isFinite(prediction))).toBe(true);
  expect(lora!.record.status).toBe('finished');
});

test('what is longer than the positions or the recipe allows is cut and counted', async () => {
  const long = join(folder, 'long');
  await mkdir(long);
  const sentences = [sentence(0), Array(40).fill('tea').join(' '), sentence(1), sentence(2)];
  const text = table(
    [],
    sentences.map((words, i) => ['made', String(i % 2), '', words]),
  );
  for (const file of ['train.tsv', 'dev.tsv']) await writeFile(join(long, file), text);
  const { record } = await runOne({ data: long });
  const { train, validation, test } = record.examples!;
  expect(train).toEqual({ used: 4, of: 4, truncated: 1 });
  expect([validation.truncated, test.truncated].sort()).toEqual([0, 1]);
  const { record: short } = await runOne({ data: long, settings: ['promptLength=4', 'epochs=1'] });
  expect(short.examples?.train.truncated).toBe(4);
});

describe('the protocol', () => {
  const sidesOf = ({ record }: { record: RunRecord }) => record.published!.sides;

  test('is recorded side by side, and decides', async () => {
    const code = await runOne({ protocol: ['code'] });
    const corrected = await runOne({ protocol: ['corrected'] });
    expect(sidesOf(code)).toEqual({
      'split-seeded': 'code',
      'split-cola': 'code',
      'head-trained': 'code',
      'dropout-first-epoch': 'code',
      'optimizer-adamw': 'code',
    });
    expect(code.record.settings.recipe).toMatchObject({
      optimizer: 'adamw-hf',
      dropoutFrom: 'first-evaluation',
    });
    expect(corrected.record.settings.recipe).toMatchObject({ optimizer: 'adamw' });
    expect(corrected.record.settings.recipe).not.toHaveProperty('dropoutFrom');
    // Halves swapped or not: 10 and 11 of 21 examples.
    expect(code.record.examples?.test.of).toBe(10);
    expect(corrected.record.examples?.test.of).toBe(11);
  });

  test('draws one split for all seeds where it is corrected', async () => {
    const runs = await run({ protocol: ['split-seeded=corrected'], seeds: [42, 43] });
    const [one, two] = runs.map(({ predictions }) => predictions.map(({ id }) => id));
    expect(two).toEqual(one);
  });

  test('a published recipe is followed on another base when it is asked for', async () => {
    const followed = await runOne({ recipe: 'roberta-base', settings: ['epochs=1'], protocol: ['paper'] });
    expect(followed.record.published).toMatchObject({ base: 'roberta-base', recipes: ['red/table-9'] });
    expect(followed.record.settings.recipe).toMatchObject({
      epochs: 1,
      learningRate: 5e-3,
      batchSize: 32,
      warmup: 0.06,
      optimizer: 'adamw',
    });
  });
});

describe('models that write the answer', () => {
  const own = join(folder, 'bytes');
  beforeAll(async () => {
    await mkdir(own);
    const tokenizer = join(projectRoot, 'test', 'data', 'tokenizers', 'files', 'tiny.json');
    await copyFile(tokenizer, join(own, 'tokenizer.json'));
    await writeFile(
      join(own, 'tokenizer_config.json'),
      JSON.stringify({ eos_token: '<|endoftext|>', pad_token: '<|endoftext|>' }),
    );
  });
  const short = ['epochs=3', 'maxNewTokens=4', 'batchSize=8', 'learningRate=0.05'];

  test('a decoder: answers are read before they are scored, and choose the epoch', async () => {
    const { record, predictions } = await runOne({
      tasks: ['mnli'],
      methods: ['full'],
      tokenizer: own,
      settings: short,
      models: ['random-gpt2~layers=1,width=16,heads=2,vocab=300,positions=128'],
    });
    expect(record.metrics.map(({ name }) => name)).toEqual(['accuracy', 'accuracy (mismatched)']);
    expect(predictions).toHaveLength(12);
    expect(predictions.every(({ prediction }) => typeof prediction === 'string')).toBe(true);
    expect(record.parameters.head).toBe(0);
    const { bestStep, evaluations } = record.training!;
    const chosen = evaluations.map(({ metrics }) => metrics!.accuracy!);
    expect(chosen).toHaveLength(3);
    expect(bestStep).toBe(evaluations[chosen.indexOf(Math.max(...chosen))]!.step);
  });

  test('T5 by the code: numbers for answers, validation from the training set, two classes', async () => {
    const { record, predictions } = await runOne({
      tasks: ['mnli'],
      tokenizer: own,
      settings: short,
      protocol: ['code'],
      models: ['random-t5~layers=1,width=16,heads=2,vocab=300'],
    });
    expect(record.published!.sides).toMatchObject({
      'split-t5': 'code',
      't5-format': 'code',
      't5-mnli-two-class': 'code',
    });
    expect(record.examples).toMatchObject({
      train: { of: 15 },
      validation: { of: 15 },
      test: { of: 12 + 6 },
    });
    const matched = predictions.filter(({ set }) => set === undefined);
    expect(predictions.length - matched.length).toBe(6);
    expect([...new Set(matched.flatMap(({ references }) => references))].sort()).toEqual(['0', '1', '2']);
    // Contradiction counts as entailment, and so does whatever is no number.
    const right = matched.filter(({ label, prediction }) => (label === 1) === (prediction === '1')).length;
    expect(record.metrics[0]!.value).toBeCloseTo(right / 12, 12);
  });
});

describe('bad input ends with exit code 2 and one clear line', () => {
  test.each<[string, string[], RegExp]>([
    [
      'a missing column',
      ['--task', 'rte', '--method', 'red'],
      new RegExp(
        '^error: .*RTE/dev\\.tsv, line 1 lacks the column label; expected a header with ' +
          'sentence1, sentence2, label, .* it names sentence1, sentence2\\.$',
        'm',
      ),
    ],
    [
      'no training set',
      ['--task', 'qnli', '--method', 'red'],
      /^error: .* holds no complete QNLI data: .*lacks train\.tsv/m,
    ],
    [
      'an encoder that shall write text',
      ['--task', 'e2e', '--method', 'red'],
      /is an encoder \(bert\) and writes no text/,
    ],
    [
      'a side that there is none of',
      ['--task', 'cola', '--method', 'red', '--protocol', 'split-cola=seed'],
      /a side is one of paper, code, corrected/,
    ],
  ])('%s', async (_, args, message) => {
    const { exitCode, stderr } = await execa(
      'node',
      [...commandLine, 'run', '--model', model, '--data', data, '--results', join(folder, 'bad'), ...args],
      { cwd: projectRoot, reject: false },
    );
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
  });
});
