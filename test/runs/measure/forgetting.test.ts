// The column forgetting: the loss on running texts, and its difference over training, kept beside records.
import { readFile, rename, writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { freezeToScore } from '../../../harness/decoding/programs.ts';
import { textLoss } from '../../../harness/evaluation/likelihoods/text-loss.ts';
import { costsBeside } from '../../../harness/records/read-records.ts';
import { startEngine } from '../../../harness/runs/execute/start-engine.ts';
import { measureForgetting } from '../../../harness/runs/measure/measure-forgetting.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { tinyRuns } from '../tiny-run.ts';

const { run, plan } = await tinyRuns();
const { engine: choice } = await plan('plan');

test('the loss of texts is the mean over their tokens, each after those before it', async () => {
  const engine = await startEngine({ engine: choice });
  const base = await loadBase('llama-mini', { weights: true });
  const delta = { trained: {} };
  const frozen = await freezeToScore(engine, base, delta, {});
  const model = { engine, base, delta, frozen };
  const texts = [[5, 9, 11, 7], [3, 8], [4]];
  // Each token as a text of its own end: what remains of a longer text's sum less a shorter one's.
  const sumOf = async (text: number[]): Promise<number> =>
    (await textLoss(model, [text])) * (text.length - 1);
  const ends = [
    await sumOf([5, 9]),
    await sumOf([5, 9, 11]),
    await sumOf([5, 9, 11, 7]),
    await sumOf([3, 8]),
  ];
  expect(ends[1]! - ends[0]!).toBeGreaterThan(0);
  expect(await textLoss(model, texts)).toBeCloseTo((ends[2]! + ends[3]!) / 4, 4);
  frozen.dispose();
});

test('runs are measured once; what trained nothing forgot nothing', async () => {
  const runs = [
    ...(await run('forgetting', { methods: ['lora'], settings: ['learning-rate=0.1', 'batch-size=4'] }))
      .outcomes,
    ...(await run('forgetting', { methods: ['lora~rank=2'], maxSteps: 0 })).outcomes,
  ];
  const measured: number[] = [];
  const measure = () =>
    measureForgetting(runs, {
      engine: choice,
      signal: new AbortController().signal,
      onProgress: (_, total) => void measured.push(total),
    });
  await measure();
  expect(measured.at(-1)).toBe(2);
  const costs = await Promise.all(runs.map((one) => costsBeside('', one)));
  expect(Math.abs(costs[0]!.forgetting!)).toBeGreaterThan(1e-3);
  expect(costs[1]!.forgetting).toBeCloseTo(0, 6);
  const file = runs[0]!.path.replace(/json$/, 'forgetting.json');
  const { before, after } = JSON.parse(await readFile(file, 'utf8')) as { before: number; after: number };
  expect(costs[0]!.forgetting).toBe(after - before);
  measured.length = 0;
  await measure();
  expect(measured).toEqual([]);
  // Another run's file, and a broken one, say nothing of this run.
  await rename(runs[1]!.path.replace(/json$/, 'forgetting.json'), file);
  expect((await costsBeside('', runs[0]!)).forgetting).toBeUndefined();
  await writeFile(file, '{');
  expect((await costsBeside('', runs[0]!)).forgetting).toBeUndefined();
});
