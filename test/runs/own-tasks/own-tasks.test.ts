// Tests of the tasks `text` and `classify`: what they make of a user's data, and what they refuse.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { LabelTask, TextTask } from '../../../harness/data/examples/task.ts';
import { openOwnTask } from '../../../harness/runs/own-tasks/open-own-task.ts';
import type { OwnTaskName } from '../../../harness/runs/own-tasks/options.ts';
import { parseProtocol } from '../../../harness/papers/protocol.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const draw = { seed: 42, family: 'gpt2', side: parseProtocol([]).side };
const open = async (
  task: OwnTaskName,
  name: string,
  content: string,
  given: Record<string, string | string[]> = {},
) => {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return openOwnTask(task, path, given);
};
const message = (opened: Promise<unknown>): Promise<string> =>
  opened.then(
    () => 'it is not refused',
    (error: unknown) => String(error),
  );

/** Made-up rows of so many classes. */
const table = (classes: readonly string[]): string =>
  [
    'text,more,label\n',
    ...Array.from({ length: 60 }, (_, i) => `cup ${i},tea ${i},${classes[i % classes.length]!}\n`),
  ].join('');

test('classes are in order, scored by the metrics that were named, and asked in words', async () => {
  const { task, summary } = await open('classify', 'Tea.csv', table(['yes', 'no']), {
    text: 'text',
    text2: 'more',
    label: 'label',
    metric: ['matthews', 'f1'],
  });
  const { classes, metrics, selection, write, read, score, name } = task as LabelTask;
  expect({ name, classes, selection }).toEqual({
    name: 'classify-tea',
    classes: ['no', 'yes'],
    selection: 'Matthews',
  });
  expect(metrics.map((metric) => metric.name)).toEqual(['Matthews', 'F1']);
  const example = { id: '0', texts: ['cup 1', 'tea 1'], label: 1 };
  expect(write(example, draw)).toEqual({ input: 'label: no or yes? text: cup 1 more: tea 1', target: 'yes' });
  expect([' yes\n', 'no', 'maybe'].map((answer) => read(answer, draw))).toEqual([1, 0, -1]);
  expect(score([1, 0, -1, 1], [1, 0, 1, 0], draw)).toEqual({
    Matthews: expect.any(Number) as number,
    F1: 0.5,
  });
  expect(summary.slice(1)).toEqual([
    'label: no 30, yes 30; F1 is of yes',
    'words, median: text 2 (at most 2), more 2 (at most 2)',
  ]);
  expect(summary[0]).toMatch(
    /Tea.csv: 60 rows, 60 used; train 48, validation 6, test 6 \(--split 80\/10\/10, drawn with the seed 42/,
  );
});

test('numbers are classes in the order of their size; three classes have the mean of F1', async () => {
  const { task } = await open('classify', 'n.csv', table(['10', '9', 'other']), {
    text: 'text',
    label: 'label',
  });
  const { classes, metrics } = task as LabelTask;
  expect(classes).toEqual(['9', '10', 'other']);
  expect(metrics.map((metric) => metric.name)).toEqual(['accuracy', 'macro F1']);
});

test('long names of classes may be written to their end', async () => {
  const long = 'a name of a class that is longer than sixteen tokens of any tokenizer';
  const { task } = await open('classify', 'n.csv', table([long, 'b']), { text: 'text', label: 'label' });
  expect(task.defaults).toMatchObject({ targetLength: long.length + 1, maxNewTokens: long.length + 1 });
});

test('texts are paired, and equal inputs of the test are one item with all references', async () => {
  const lines = Array.from({ length: 40 }, (_, i) =>
    JSON.stringify({ q: `cup ${i % 20}`, a: `tea ${i}`, refs: [`tea ${i}`, 'any tea'] }),
  ).join('\n');
  const { task } = await open('text', 't.jsonl', lines, { input: 'q', target: 'a', references: 'refs' });
  const { train, test: items } = await (task as TextTask).load({ kind: 'built-in' });
  expect(train).toHaveLength(32);
  expect(items).toHaveLength(2);
  for (const { input, references } of items) {
    const n = Number(String(input).slice(4));
    expect(references).toEqual([`tea ${n}`, 'any tea', `tea ${n + 20}`]);
  }
});

test('options may lie in a file beside the data, over which the command wins', async () => {
  const folder = await temporaryFolder();
  const data = join(folder, 'tea.csv');
  await writeFile(data, table(['yes', 'no']));
  await writeFile(
    join(folder, 'tea.deltabench.json'),
    JSON.stringify({ text: 'more', label: 'label', split: '50/25/25', metric: ['accuracy'] }),
  );
  const stored = await openOwnTask('classify', data, {});
  expect(stored.summary[0]).toMatch(/train 30, validation 15, test 15/);
  expect(stored.summary[2]).toMatch(/median: more/);
  const given = await openOwnTask('classify', data, { text: 'text' });
  expect(given.summary[2]).toMatch(/median: text/);
  expect(given.task.data!.hash).not.toBe(stored.task.data!.hash);
  await writeFile(join(folder, 'tea.deltabench.json'), '{"txt": "more"}');
  expect(await message(openOwnTask('classify', data, {}))).toMatch(
    /tea.deltabench.json: got "txt", which it does not know. It may have: text, text2, label/,
  );
});

test.each<[OwnTaskName, string, string, Record<string, string | string[]>, RegExp]>([
  [
    'classify',
    'n.csv',
    table(['a', 'b']),
    { text: 'text' },
    /needs --label, the column of the class; give it, or write it into .*n.deltabench.json/,
  ],
  ['classify', 'n.csv', table(['a']), { text: 'text', label: 'label' }, /"label" has one class alone, "a"/],
  [
    'classify',
    'n.csv',
    table(['a', 'b']),
    { text: 'label', label: 'text' },
    /"text" has 60 values in 60 rows, so that it is no class; --task text/,
  ],
  [
    'classify',
    'n.csv',
    table(['a', 'b', 'c']),
    { text: 'text', label: 'label', metric: ['f1'] },
    /--metric f1 is of two classes, label has 3; macro-f1/,
  ],
  [
    'classify',
    'n.csv',
    table(['a', 'b']),
    { text: 'text', label: 'label', metric: ['f2'] },
    /metric.0: got "f2", wants one of accuracy, f1/,
  ],
  [
    'classify',
    'n.csv',
    table(['a', 'b']),
    { text: 'text', label: 'label', metric: ['f1', 'f1'] },
    /names f1 twice/,
  ],
])('%s refuses what it cannot use (%#)', async (task, name, content, given, wanted) => {
  const refused = await message(open(task, name, content, given));
  expect(refused).toMatch(wanted);
  expect(refused).toMatch(/^UsageError: [^\n]*$/);
});

test('a class that training lacks is named with its row', async () => {
  const folder = await temporaryFolder();
  for (const [name, classes] of [
    ['train', ['a', 'b']],
    ['dev', ['a', 'b']],
    ['test', ['a', 'B']],
  ] as const) {
    await writeFile(join(folder, `${name}.csv`), table(classes));
  }
  expect(await message(openOwnTask('classify', folder, { text: 'text', label: 'label' }))).toMatch(
    /test.csv, line 3: the class "B" of label does not occur in training, which has a, b\./,
  );
});

test('data is needed, of the user', async () => {
  for (const place of [undefined, 'hub', 'built-in']) {
    expect(await message(openOwnTask('text', place, {}))).toMatch(/works on your own data: give a file/);
  }
});
