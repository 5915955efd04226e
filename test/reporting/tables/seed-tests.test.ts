// Tests of how stored predictions of seeds become resampled metrics.
import { appendFile, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import type { LabelTask, TextTask } from '../../../harness/data/examples/task.ts';
import { hashFile } from '../../../harness/support/hash.ts';
import type { Outcome } from '../../../harness/runs/execute/executor.ts';
import { loadTasks } from '../../../harness/runs/plan/load-plugins.ts';
import type { RunRecord } from '../../../harness/records/record.ts';
import type { SeedTest } from '../../../harness/metrics/resampling/resample-tests.ts';
import { predictionReader, type SeedPredictions } from '../../../harness/reporting/tables/seed-tests.ts';
import { sampleRecord, settings } from '../../records/sample-record.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const tasks = await loadTasks();
const draw = { seed: 42, family: '', side: () => 'corrected' };

let count = 0;
/** Makes a finished run with these lines of predictions and these metrics. */
async function outcomeOf(
  task: string,
  rows: readonly object[],
  metrics: Readonly<Record<string, number>>,
  more: Partial<RunRecord> = {},
): Promise<Outcome> {
  const name = `seed-${count++}.predictions.jsonl`;
  await writeFile(join(folder, name), rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
  const record = sampleRecord({
    settings: { ...settings, task: { name: task, version: 1 } },
    metrics: Object.entries(metrics).map(([metric, value]) => ({
      name: metric,
      split: 'test',
      value,
      higherIsBetter: true,
      scale: 100,
      decimals: 1,
    })),
    files: { predictions: { name, sha256: await hashFile(join(folder, name)) } },
    ...more,
  });
  const path = join(folder, 'seed-0.json');
  return { cell: { task: tasks.get(task)! } as Outcome['cell'], record, path };
}

/** Reads the resampled test of a metric; throws where there is none. */
async function testOf(read: SeedPredictions | undefined, metric: string): Promise<SeedTest> {
  const found = await read!.test(metric);
  if (typeof found === 'string') throw new Error(`${metric}: ${found}`);
  return found;
}

/** Makes an encoder's lines of predictions. */
const labelled = (labels: readonly number[], predictions: readonly number[]) =>
  labels.map((label, i) => ({ id: `validation-${i}`, label, prediction: predictions[i] }));
const labels = [0, 1, 1, 0, 1, 0, 1];
const predictions = [0, 1, 0, 0, 1, 1, 1];
const ones = new Uint32Array(7).fill(1);

test('classes: every metric of a task, in printed units, on all examples and on some', async () => {
  const task = tasks.get('cola') as LabelTask;
  const outcome = await outcomeOf(
    'cola',
    labelled(labels, predictions),
    task.score(predictions, labels, draw),
  );
  const read = (await predictionReader()(outcome))!;
  expect(read.collapsed).toBe(false);
  for (const { name, value } of outcome.record.metrics) {
    const { ids, metric } = await testOf(read, name);
    expect(ids[6]).toBe('validation-6');
    expect(metric(ones)).toBeCloseTo(100 * value, 9);
  }
  const accuracy = await testOf(read, 'accuracy');
  expect(accuracy.metric(Uint32Array.of(2, 0, 2, 0, 0, 0, 0))).toBe(50);
});

test('values, answers in words, further test sets', async () => {
  const values = [1.5, 2, 0.25, 5, 3, 4, 1];
  const stsb = tasks.get('stsb') as LabelTask;
  const similar = await outcomeOf(
    'stsb',
    labelled([1, 2, 0, 5, 2.5, 4, 1.5], values),
    stsb.score(values, [1, 2, 0, 5, 2.5, 4, 1.5], draw),
  );
  const read = (await predictionReader()(similar))!;
  for (const name of ['Pearson', 'Spearman']) expect(await read.test(name), name).toBeTypeOf('object');

  // A generating model writes class names; any other text is wrong.
  const words = [
    'unacceptable',
    'acceptable',
    'neither',
    'unacceptable',
    'acceptable',
    'acceptable',
    'acceptable',
  ];
  const rows = words.map((prediction, i) => ({
    id: String(i),
    input: 'x',
    references: ['x'],
    label: labels[i],
    prediction,
  }));
  const written = await outcomeOf('cola', rows, { accuracy: 5 / 7 });
  expect((await testOf(await predictionReader()(written), 'accuracy')).metric(ones)).toBeCloseTo(500 / 7, 9);

  const both = [...labelled(labels, predictions), { id: 'm-1', set: 'mismatched', label: 2, prediction: 2 }];
  const mnli = await outcomeOf('mnli', both, { accuracy: 5 / 7, 'accuracy (mismatched)': 1 });
  const sets = (await predictionReader()(mnli))!;
  expect((await testOf(sets, 'accuracy')).ids).toHaveLength(7);
  expect((await testOf(sets, 'accuracy (mismatched)')).ids).toEqual(['m-1']);

  // Earlier versions kept the test set of an answer in words in its id.
  const inWords = [
    { id: '0', label: 1, prediction: 'neutral' },
    { id: 'mismatched/0', label: 2, prediction: 'contradiction' },
    { id: 'mismatched/1', label: 2, prediction: 'neutral' },
  ];
  const old = await outcomeOf('mnli', inWords, { accuracy: 1, 'accuracy (mismatched)': 0.5 });
  const oldSets = await predictionReader()(old);
  expect((await testOf(oldSets, 'accuracy')).ids).toEqual(['0']);
  expect((await testOf(oldSets, 'accuracy (mismatched)')).ids).toEqual(['0', '1']);
});

test("a metric of one's own is resampled without an edit elsewhere, or the reader says that it is not", async () => {
  const info = { name: 'errors', higherIsBetter: false, scale: 100, decimals: 1 };
  const cola = tasks.get('cola') as LabelTask;
  const wrong = (own: readonly number[], of: readonly number[]) =>
    own.filter((prediction, i) => prediction !== of[i]).length;
  const mine: LabelTask = {
    ...cola,
    metrics: [info],
    score: (own, of) => ({ errors: wrong(own, of) / of.length }),
  };
  const outcome = await outcomeOf('cola', labelled(labels, predictions), { errors: 2 / 7 });
  const read = await predictionReader()({ ...outcome, cell: { task: mine } });
  // The task's own score decides: examples 2 and 5 are wrong.
  expect(read!.answers('errors')).toBe(7);
  const { metric } = await testOf(read, 'errors');
  expect(metric(ones)).toBeCloseTo(200 / 7, 9);
  expect(metric(Uint32Array.of(1, 0, 3, 0, 0, 0, 0))).toBe(75);

  const words: TextTask = { ...(tasks.get('e2e') as TextTask), metrics: [{ ...info, name: 'words' }] };
  const own = await outcomeOf('e2e', [{ id: '0', prediction: 'two words', references: ['x'] }], { words: 2 });
  const told = await predictionReader()({ ...own, cell: { task: words } });
  expect(await told!.test('words')).toBe('not-resampled');
});

test('a text task: corpus metrics from their statistics, others as the mean of the examples', async () => {
  const rows = ['the cat drinks tea', 'rain was very good'].map((prediction, i) => ({
    id: String(i),
    input: '',
    prediction,
    references: [prediction, 'a bad cat'],
    scores: { own: i },
  }));
  const outcome = await outcomeOf('e2e', rows, { BLEU: 1, 'ROUGE-L': 1, own: 0.5 });
  const read = (await predictionReader()(outcome))!;
  const two = Uint32Array.of(1, 1);
  for (const name of ['BLEU', 'ROUGE-L']) expect((await testOf(read, name)).metric(two)).toBeCloseTo(100, 9);
  expect((await testOf(read, 'own')).metric(Uint32Array.of(0, 3))).toBe(100);
});

test('the family of the record, or in an older one an entry of T5, says how answers are read', async () => {
  const answers = predictions.map(String);
  const rows = answers.map((prediction, i) => ({ id: String(i), prediction, label: labels[i] }));
  const code = { ...settings, task: { name: 'cola', version: 1 }, protocol: 'code' };
  const t5: RunRecord['published'] = { base: 'x', recipes: [], sides: { 't5-format': 'code' } };
  const readOf = async (more: Partial<RunRecord>) => {
    const outcome = await outcomeOf('cola', rows, { accuracy: 5 / 7 }, { settings: code, ...more });
    return predictionReader()(outcome);
  };
  for (const more of [{ family: 't5' }, { published: t5 }])
    expect((await testOf(await readOf(more), 'accuracy')).metric(ones)).toBeCloseTo(500 / 7, 9);
  // Other families must answer in words, so numbers are unreadable.
  for (const more of [{ family: 'gpt2', published: t5 }, {}])
    expect(await (await readOf(more))!.test('accuracy')).toBe('other-predictions');
});

test('constant predictions are collapsed, the seed parts an official set', async () => {
  const constant = await outcomeOf(
    'cola',
    labelled(
      labels,
      labels.map(() => 1),
    ),
    { Matthews: 0, accuracy: 4 / 7 },
  );
  const one = { used: 7, of: 7 };
  const examples = { train: one, validation: { used: 8, of: 8 }, test: one };
  const split = (side: 'code' | 'corrected') => ({
    ...constant,
    record: sampleRecord({
      ...constant.record,
      examples,
      published: { base: 'x', recipes: [], sides: { 'split-seeded': side } },
    }),
  });
  const read = (await predictionReader()(split('code')))!;
  expect(read).toMatchObject({ collapsed: true, population: 15 });
  expect((await testOf(read, 'Matthews')).metric(ones)).toBe(0);
  expect((await predictionReader()(split('corrected')))!.population).toBeUndefined();
});

test('what was changed, is no predictions or does not give the metric is not used', async () => {
  const metrics = { accuracy: 5 / 7 };
  const wrong = await outcomeOf('cola', labelled(labels, predictions), { accuracy: 0.9 });
  expect(await (await predictionReader()(wrong))!.test('accuracy')).toBe('other-predictions');
  expect(await (await predictionReader()(wrong))!.test('no such metric')).toBe('other-predictions');
  const broken = await outcomeOf('cola', [{ id: 1 }], metrics);
  expect(await predictionReader()(broken)).toBeUndefined();
  const changed = await outcomeOf('cola', labelled(labels, predictions), metrics);
  await appendFile(join(folder, changed.record.files.predictions!.name), ' ');
  expect(await predictionReader()(changed)).toBeUndefined();
  const elsewhere = await outcomeOf('cola', labelled(labels, predictions), metrics, {
    files: { predictions: { name: '../x.jsonl', sha256: 'a'.repeat(64) } },
  });
  expect(await predictionReader()(elsewhere)).toBeUndefined();
});
