// Tests of --batch-seeds: seeds trained in one program give the numbers of single runs.
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { RunRecord } from '../../harness/records/record.ts';
import { appears, readRecordFile, startTiny, tinyModel, untilStopped, writeTinyE2E } from './bench.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
beforeAll(() => writeTinyE2E(data));
afterAll(() => rm(folder, { recursive: true }));

const start = (results: string, ...args: string[]) => startTiny(folder, results, ['--threads', '1', ...args]);
const seeds = [1, 2, 3];
const pathOf = (results: string, seed: number, ending: string): string =>
  join(folder, results, 'e2e', tinyModel, 'lora~dropout=0.1', `seed-${seed}.${ending}`);

async function recordsOf(results: string): Promise<(RunRecord & { losses: number[] })[]> {
  return Promise.all(
    seeds.map(async (seed) => {
      const record = await readRecordFile(pathOf(results, seed, 'json'));
      const steps = await readFile(pathOf(results, seed, 'steps.jsonl'), 'utf8');
      const losses = steps
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { loss: number }).loss);
      return { ...record, losses };
    }),
  );
}

test.each([
  ['--jobs', ['--jobs', '2'], /--batch-seeds trains in one process: leave out --jobs/],
  ['Slurm', ['--launcher', 'slurm'], /leave out --launcher slurm/],
  ['another engine', ['--engine', 'js'], /--batch-seeds needs programs that are recorded.*--engine js/],
  [
    'full fine-tuning',
    ['--method', 'full'],
    /--batch-seeds cannot train full: it trains \d+ of the base's own matrices/,
  ],
])('is refused with %s', async (_, args, message) => {
  const method = args[0] === '--method' ? [] : ['--method', 'red'];
  const refused = await start('refused', ...method, '--seeds', '1', '2', '--batch-seeds', ...args);
  expect(refused.stderr).toMatch(message);
  expect(refused.exitCode).toBe(2);
});

test('seeds trained together have the records of runs one by one, killed on the way or not', async () => {
  const args = ['--method', 'lora~dropout=0.1', '--seeds', '1', '2', '3', '--max-steps', '30'];
  const single = await start('single', ...args);
  expect(single.exitCode, single.stderr).toBe(0);
  const whole = await start('whole', ...args, '--batch-seeds');
  expect(whole.exitCode, whole.stderr).toBe(0);
  const [expected, all] = [await recordsOf('single'), await recordsOf('whole')];
  all.forEach((record, i) => {
    const one = expected[i]!;
    expect(record.identity).toBe(one.identity);
    expect(record.training).toMatchObject({ together: 3, steps: 30, bestStep: one.training!.bestStep });
    expect(one.training).not.toHaveProperty('together');
    expect(record.metrics).toEqual(one.metrics);
    expect(record.losses).toBeAllclose(one.losses, { rtol: 1e-5 });
  });

  const results = await untilStopped(async (results) => {
    const running = start(results, ...args, '--batch-seeds');
    for (const seed of seeds) await appears(pathOf(results, seed, 'work/checkpoint.safetensors'), running);
    running.kill('SIGKILL');
    await running;
    // Every seed has saved a checkpoint, and none has finished.
    return !seeds.some((seed) => existsSync(pathOf(results, seed, 'json')));
  });
  const resumed = await start(results, ...args, '--batch-seeds');
  expect(resumed.exitCode, resumed.stderr).toBe(0);
  const again = await recordsOf(results);
  // Seeds killed between two saves resume from different steps; their remaining steps still agree.
  for (const { training } of again) expect(training!.resumedFrom! % 5).toBe(0);
  expect(again.map(({ losses }) => losses)).toEqual(all.map(({ losses }) => losses));
  expect(again.map(({ files }) => files.tensors!.sha256)).toEqual(
    all.map(({ files }) => files.tensors!.sha256),
  );
});
