import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type GlueName, glueNames } from '../../harness/data/sets/glue/rows.ts';
import type { Draw, LabelTask } from '../../harness/data/examples/task.ts';
import { loadTasks } from '../../harness/runs/plan/load-plugins.ts';
import { temporaryFolder } from '../support/temporary.ts';

const data = process.env.DELTABENCH_DATA;
const tasks = await loadTasks();
const task = (name: GlueName) => tasks.get(name) as LabelTask;
const drawing = (family: string, side = 'code', seed = 42): Draw => ({ seed, family, side: () => side });
const roberta = drawing('roberta');

test('eight tasks; the metrics of Table 8 come first and choose the checkpoint', () => {
  const found = Object.fromEntries(glueNames.map((name) => [name, task(name).metrics.map((m) => m.name)]));
  expect(found).toEqual({
    cola: ['Matthews', 'accuracy'],
    mnli: ['accuracy', 'accuracy (mismatched)'],
    mrpc: ['accuracy', 'F1'],
    qnli: ['accuracy'],
    qqp: ['accuracy', 'F1'],
    rte: ['accuracy'],
    sst2: ['accuracy'],
    stsb: ['Pearson', 'Spearman'],
  });
  for (const name of glueNames) expect(task(name).selection).toBe(found[name]![0]);
});

describe('scores', () => {
  const labels = [1, 0, 1, 1, 0, 1];
  const predictions = [1, 1, 1, 0, 0, 1];

  // By hand; torch.corrcoef for stsb.
  test('of classes', () => {
    expect(task('mrpc').score(predictions, labels, roberta)).toEqual({ accuracy: 4 / 6, F1: 0.75 });
    expect(task('cola').score(predictions, labels, roberta)).toEqual({ Matthews: 0.25, accuracy: 4 / 6 });
  });

  test('of similarities', () => {
    const { Pearson, Spearman } = task('stsb').score([1, 2, 4, 3], [0, 2.5, 5, 4], roberta);
    expect(Pearson).toBeCloseTo(0.979_526_092_37, 8);
    expect(Spearman).toBe(1);
  });

  test('of constant predictions are 0 where the metric has no meaning', () => {
    expect(task('stsb').score([2, 2, 2], [1, 2, 3], roberta)).toEqual({ Pearson: 0, Spearman: 0 });
    expect(task('cola').score([1, 1], [1, 0], roberta)).toEqual({ Matthews: 0, accuracy: 0.5 });
  });

  test("T5's mnli has two classes in the code: contradiction, and what is no class, count as entailment", () => {
    const [answers, gold] = [
      [0, 1, 2, 2, -1, 0],
      [2, 1, 0, 1, 2, 1],
    ];
    expect(task('mnli').score(answers, gold, drawing('t5', 'code')).accuracy).toBeCloseTo(4 / 6, 12);
    for (const draw of [drawing('t5', 'paper'), drawing('t5', 'corrected'), drawing('roberta', 'code')])
      expect(task('mnli').score(answers, gold, draw).accuracy).toBeCloseTo(1 / 6, 12);
    // Other tasks are left alone.
    expect(task('rte').score([-1, 1], [0, 1], drawing('t5', 'code')).accuracy).toBe(0.5);
  });
});

describe('as text', () => {
  const example = (texts: string[], label: number) => ({ id: '0', texts, label });
  const [t5, words] = [drawing('t5', 'code'), drawing('t5', 'paper')];

  test("numbers after the bare texts in T5's code", () => {
    expect(task('mnli').write(example(['A cat.', 'A pet.'], 2), t5)).toEqual({
      input: ['A cat.', 'A pet.'],
      target: '2',
    });
    expect(task('cola').write(example(['A cat.'], 1), t5)).toEqual({ input: ['A cat.'], target: '1' });
    expect(task('stsb').write(example(['One.', 'Two.'], 3.75), t5).target).toBe('3.8');
    expect(task('stsb').write(example(['One.', 'Two.'], 5), t5).target).toBe('5.0');
  });

  test("T5's words elsewhere", () => {
    expect(task('mnli').write(example(['A cat.', 'A pet.'], 2), words)).toEqual({
      input: 'mnli hypothesis: A pet. premise: A cat.',
      target: 'contradiction',
    });
    expect(task('sst2').write(example(['fine tea '], 1), drawing('llama'))).toEqual({
      input: 'sst2 sentence: fine tea ',
      target: 'positive',
    });
    expect(task('stsb').write(example(['One.', 'Two.'], 3.75), words)).toEqual({
      input: 'stsb sentence1: One. sentence2: Two.',
      target: '3.8',
    });
    expect(task('stsb').write(example(['One.', 'Two.'], 2.25), words).target).toBe('2.2');
  });

  test('every answer is read as it was written; another is no class, or 0', () => {
    for (const name of glueNames) {
      for (const draw of [t5, words]) {
        const labels = task(name).classes?.map((_, i) => i) ?? [0, 1.2, 5];
        const read = labels.map((label) =>
          task(name).read(` ${task(name).write(example(['a', 'b'], label), draw).target}\n`, draw),
        );
        expect(read).toEqual(labels);
        for (const text of ['', 'maybe', '-1', '7', '1e0'])
          expect(task(name).read(text, draw)).toBe(name === 'stsb' ? 0 : -1);
      }
    }
  });
});

test('the splits of made-up files; mismatched examples are a test set of their own', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'MNLI'));
  const rows = (n: number, label: string) =>
    [
      'sentence1\tsentence2\tgold_label',
      ...Array.from({ length: n }, (_, i) => `p ${i}\th ${i}\t${label}`),
    ].join('\n');
  for (const [file, text] of Object.entries({
    'train.tsv': rows(5, 'neutral'),
    'dev_matched.tsv': rows(6, 'entailment'),
    'dev_mismatched.tsv': rows(3, 'contradiction'),
  }))
    await writeFile(join(folder, 'MNLI', file), text);
  const loaded = await task('mnli').load({ kind: 'folder', path: folder });
  const splits = task('mnli').draw(loaded, roberta);
  expect(splits.source).toMatchObject({ name: 'mnli', form: 'tsv' });
  expect([splits.train.length, splits.validation.length, splits.test.length]).toEqual([5, 3, 3]);
  expect(splits.alsoTest!.mismatched).toHaveLength(3);
  expect(splits.alsoTest!.mismatched![1]).toEqual({ id: '1', texts: ['p 1', 'h 1'], label: 2 });
});

test.skipIf(!data)('the real data (needs DELTABENCH_DATA)', async () => {
  const sizes: Record<string, number[]> = {};
  for (const name of ['cola', 'mrpc', 'rte', 'sst2', 'stsb'] as const) {
    const loaded = await task(name).load({ kind: 'folder', path: data! });
    const { train, validation, test } = task(name).draw(loaded, roberta);
    sizes[name] = [train.length, validation.length, test.length];
  }
  // Table 8, where rte's sizes are exchanged.
  expect(sizes).toEqual({
    cola: [8551, 522, 521],
    mrpc: [3668, 204, 204],
    rte: [2490, 138, 139],
    sst2: [67_349, 436, 436],
    stsb: [5749, 750, 750],
  });
  await expect(task('qnli').load({ kind: 'folder', path: data! })).rejects.toThrow(
    /no complete QNLI data: .*lacks train\.tsv/,
  );
});
