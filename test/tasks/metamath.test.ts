// Runs of the task metamath: as method_comparison trains and scores, and corrected.
import { expect, test } from 'vitest';
import metamath from '../../tasks/metamath.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { run } = await tinyRuns();

test.each([
  ['recommended', { order: 'buckets', endOfLongest: 'not-learnt' }],
  ['corrected', { order: undefined, endOfLongest: undefined }],
] as const)('protocol %s: validated by answers, the last step is kept', async (protocol, settings) => {
  const { outcomes } = await run(protocol, {
    tasks: ['metamath'],
    models: ['llama-mini'],
    methods: ['lora'],
    data: 'built-in',
    protocol: [protocol],
    limit: 6,
    maxSteps: 4,
    settings: ['batch-size=2', 'max-new-tokens=2', 'evaluate-every=2'],
  });
  const { record } = outcomes[0]!;
  expect(record.error).toBeUndefined();
  const { order, endOfLongest, keep, lossOn } = record.settings.recipe;
  expect({ order, endOfLongest, keep, lossOn }).toEqual({ ...settings, keep: 'last', lossOn: 'everything' });
  expect(record.training).toMatchObject({ steps: 4, bestStep: 4 });
  expect(record.training!.evaluations.map(({ metrics }) => Object.keys(metrics!))).toEqual([
    ['accuracy'],
    ['accuracy'],
  ]);
  expect(Object.keys(record.published!.sides)).toEqual(['metamath-order', 'metamath-end', 'metamath-commas']);
});

test('prompt and text are read as one; commas where the protocol reads them', async () => {
  const items = [
    ['How many?', ' 2+2=4. The answer is: 4', '#### 4'],
    ['How many?', ' The answer is: 1450', 'So 1,450.\n#### 1,450'],
    // What the prompt says counts where the text says nothing.
    ['The answer is: 7\n.', ' Nobody knows', '#### 7'],
  ].map(([input, prediction, gold], i) => ({
    id: String(i),
    input: input!,
    prediction: prediction!,
    references: [gold!],
  }));
  const score = async (side: string) => {
    const { metrics, segments } = await metamath.score(items, { seed: 1, family: 'llama', side: () => side });
    return [metrics.accuracy, segments!.map(({ accuracy }) => accuracy)];
  };
  expect(await score('code')).toEqual([2 / 3, [1, 0, 1]]);
  expect(await score('corrected')).toEqual([1, [1, 1, 1]]);
  const unread = [{ ...items[0]!, references: ['four'] }];
  await expect(async () =>
    metamath.score(unread, { seed: 1, family: '', side: () => 'code' }),
  ).rejects.toThrow(/test item 0 has no answer/);
});
