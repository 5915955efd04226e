// Runs of the tasks that follow instructions: built-in data have a test, files to learn from alone have none.
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, run } = await tinyRuns();
const small = {
  models: ['llama-mini'],
  methods: ['lora'],
  limit: 4,
  maxSteps: 2,
  settings: ['batch-size=2', 'max-new-tokens=2'],
};

test('built-in data: the answers of the test split are read and kept', async () => {
  const { outcomes } = await run('built-in', { ...small, tasks: ['math', 'commonsense'], data: 'built-in' });
  for (const { record } of outcomes) {
    expect(record.error).toBeUndefined();
    expect(record.examples!.test).toEqual({ used: 4, of: 160 });
    expect(record.metrics).toMatchObject([{ name: 'accuracy', split: 'test', higherIsBetter: true }]);
  }
  expect(outcomes.map(({ record }) => record.settings.recipe.template)).toEqual(['question', 'instruction']);
});

test('files of instructions: all is learnt, longer examples are left out, nothing is tested', async () => {
  const data = join(folder, 'instructions');
  await mkdir(join(data, 'ultrafeedback'), { recursive: true });
  const rows = ['Yes.', 'No.', 'word '.repeat(40)].map((output) => ({ instruction: 'Go on?', output }));
  await writeFile(join(data, 'ultrafeedback', 'train.json'), JSON.stringify(rows));
  const { outcomes } = await run('files', {
    ...small,
    tasks: ['ultrafeedback'],
    recipe: 'none',
    data,
    settings: ['batch-size=2', 'max-new-tokens=2', 'length=30'],
    maxSteps: undefined,
  });
  const { record } = outcomes[0]!;
  expect(record.error).toBeUndefined();
  expect(record.settings.recipe).toMatchObject({
    template: 'human-assistant',
    lossOn: 'everything',
    tooLong: 'drop',
    length: 30,
  });
  // Three passes over the two rows that fit.
  expect(record.training).toMatchObject({ steps: 3, evaluations: [] });
  expect(record.metrics).toEqual([]);
  expect(record.examples!.test).toEqual({ used: 0, of: 0 });
  expect(record.files.tensors).toBeDefined();
});

test('examples that are held back choose the step that is kept, and are not learnt', async () => {
  const data = join(folder, 'held');
  await mkdir(data, { recursive: true });
  const rows = ['1', '2', '3', '4', '5', '6', '7'].map((output) => ({ instruction: 'Count.', output }));
  await writeFile(join(data, 'math_10k.json'), JSON.stringify(rows));
  const asked = (count: number) => ({
    ...small,
    tasks: ['math'],
    data,
    limit: undefined,
    maxSteps: 3,
    settings: ['batch-size=2', 'learning-rate=1', `validation-examples=${count}`, 'evaluate-every=1'],
  });
  const { outcomes } = await run('held', asked(3));
  const { error, examples, training } = outcomes[0]!.record;
  expect(error).toBeUndefined();
  expect(examples).toMatchObject({ train: { used: 4, of: 4 }, validation: { used: 3, of: 3 } });
  const losses = training!.evaluations.map(({ loss }) => loss!);
  expect(losses).toHaveLength(3);
  expect(training!.bestStep).toBe(1 + losses.indexOf(Math.min(...losses)));
  await expect(run('too-many', asked(7))).rejects.toThrow('math has 7 training examples');
});

test('a chat template that the base does not have is refused before anything is written', async () => {
  const asked = { ...small, tasks: ['math'], data: 'built-in', settings: ['template=chat'] };
  await expect(run('chat', asked)).rejects.toThrow(
    /template=chat: the tokenizer of llama-mini has no chat template .* choose another template/,
  );
  expect(await readdir(join(folder, 'chat'), { recursive: true }).catch(() => [])).toEqual([]);
});
