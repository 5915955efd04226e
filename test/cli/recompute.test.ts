// Tests of --recompute: the numbers are the same, and options that exclude it are refused.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { readRecordFile, tinyModel, writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
beforeAll(() => writeTinyE2E(data));
afterAll(() => rm(folder, { recursive: true }));

const run = (results: string, ...more: string[]) =>
  benchInside(folder)(
    ...[
      '--task',
      'e2e',
      '--method',
      'lora',
      '--model',
      tinyModel,
      '--data',
      data,
      '--limit',
      '8',
      '--max-steps',
      '3',
    ],
    ...['--results', join(folder, results), ...more, '--set', 'max-new-tokens=2', 'batch-size=4'],
  );

test('--recompute gives the same numbers, and the record tells it', async () => {
  for (const [results, ...more] of [['kept'], ['again', '--recompute']] as const) {
    const { exitCode, stderr } = await run(results, ...more);
    expect(exitCode, stderr).toBe(0);
  }
  const path = (results: string): string => join(folder, results, 'e2e', tinyModel, 'lora', 'seed-42');
  const [kept, again] = await Promise.all(
    ['kept', 'again'].map(async (results) => ({
      record: await readRecordFile(`${path(results)}.json`),
      tensors: await readFile(`${path(results)}.safetensors`),
    })),
  );
  expect(again!.tensors.equals(kept!.tensors)).toBe(true);
  expect(again!.record.identity).toBe(kept!.record.identity);
  expect(again!.record.metrics).toEqual(kept!.record.metrics);
  expect([kept!.record.engine.recompute, again!.record.engine.recompute]).toEqual([undefined, true]);
});

test('--recompute needs recorded programs of one run', async () => {
  for (const more of [['--engine', 'js'], ['--batch-seeds']]) {
    const { exitCode, stderr } = await run('wrong', '--recompute', ...more);
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/^error: --recompute .*leave it out, or --/);
  }
});
