// Tests of --batch-seeds: seeds trained in one program give the numbers of single runs, in this process, in
// child processes and in tasks of Slurm, for which a script stands in.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import type { RunRecord } from '../../harness/records/record.ts';
import {
  appears,
  killOwner,
  readRecordFile,
  startTiny,
  tinyModel,
  untilStopped,
  writeTinyE2E,
} from './bench.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
const bin = join(folder, 'bin');
beforeAll(async () => {
  await writeTinyE2E(data);
  await mkdir(bin);
  await writeFile(join(bin, 'sbatch'), '#!/bin/sh\necho 7\n');
  await chmod(join(bin, 'sbatch'), 0o755);
  vi.stubEnv('PATH', `${bin}:${process.env.PATH ?? ''}`);
});
afterAll(() => rm(folder, { recursive: true }));

const start = (results: string, ...args: string[]) => startTiny(folder, results, ['--threads', '1', ...args]);
const seeds = [1, 2, 3];
const lora = 'lora~dropout=0.1';
const pathOf = (results: string, seed: number, ending: string, variant = lora): string =>
  join(folder, results, 'e2e', tinyModel, variant, `seed-${seed}.${ending}`);

type Recorded = RunRecord & { readonly losses: number[] };

async function recordsOf(results: string, variant = lora): Promise<Recorded[]> {
  return Promise.all(
    seeds.map(async (seed) => {
      const record = await readRecordFile(pathOf(results, seed, 'json', variant));
      const steps = await readFile(pathOf(results, seed, 'steps.jsonl', variant), 'utf8');
      const losses = steps
        .trim()
        .split('\n')
        .map((line) => (JSON.parse(line) as { loss: number }).loss);
      return { ...record, losses };
    }),
  );
}

test.each([
  ['another engine', ['--engine', 'js'], /--batch-seeds needs programs that are recorded.*--engine js/],
  [
    'full fine-tuning',
    ['--method', 'full'],
    /--batch-seeds cannot train full: it trains \d+ of the base's own matrices/,
  ],
  [
    'full fine-tuning on Slurm',
    ['--method', 'full', '--launcher', 'slurm'],
    /--batch-seeds cannot train full: it trains \d+ of the base's own matrices/,
  ],
])('is refused with %s', async (_, args, message) => {
  const method = args[0] === '--method' ? [] : ['--method', 'red'];
  const refused = await start('refused', ...method, '--seeds', '1', '2', '--batch-seeds', ...args);
  expect(refused.stderr).toMatch(message);
  expect(refused.exitCode).toBe(2);
});

/** Expects of seeds that were trained together the numbers of single runs. */
function expectEqual(together: readonly Recorded[], single: readonly Recorded[]): void {
  together.forEach((record, i) => {
    const one = single[i]!;
    expect(record.identity).toBe(one.identity);
    expect(record.training).toMatchObject({
      together: 3,
      steps: one.training!.steps,
      bestStep: one.training!.bestStep,
    });
    expect(one.training).not.toHaveProperty('together');
    expect(record.metrics).toEqual(one.metrics);
    expect(record.losses).toBeAllclose(one.losses, { rtol: 1e-5 });
  });
}

test('seeds trained together have the records of runs one by one, killed on the way or not', async () => {
  const args = ['--method', 'lora~dropout=0.1', '--seeds', '1', '2', '3', '--max-steps', '30'];
  const single = await start('single', ...args);
  expect(single.exitCode, single.stderr).toBe(0);
  const whole = await start('whole', ...args, '--batch-seeds');
  expect(whole.exitCode, whole.stderr).toBe(0);
  const [expected, all] = [await recordsOf('single'), await recordsOf('whole')];
  expectEqual(all, expected);

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

test('--jobs trains groups of seeds side by side, one process each', async () => {
  const args = ['--method', lora, 'red', '--seeds', '1', '2', '3', '--max-steps', '10'];
  expect((await start('alone', ...args)).exitCode).toBe(0);
  const beside = await start('beside', ...args, '--batch-seeds', '--jobs', '2');
  expect(beside.exitCode, beside.stderr).toBe(0);
  expect(beside.stderr).toMatch(/^\[6\/6\] e2e · .* · seed \d$/m);
  for (const variant of [lora, 'red'])
    expectEqual(await recordsOf('beside', variant), await recordsOf('alone', variant));
});

test('a killed process is a failed run of each seed of its group; the next command goes on', async () => {
  const args = ['--method', 'red', lora, '--seeds', '1', '2', '3', '--max-steps', '200', '--batch-seeds'];
  const beside = [...args, '--jobs', '2'];
  const results = await untilStopped(async (results) => {
    const running = start(results, ...beside);
    for (const seed of seeds) await appears(pathOf(results, seed, 'work/checkpoint.safetensors'), running);
    await killOwner(pathOf(results, 1, 'lock'));
    const { exitCode, stderr, stdout } = await running;
    if (!stderr.includes('3 of 6 runs failed')) return false;
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/seed 1 failed: Crashed: the run's process ended by SIGKILL/);
    return true;
  });
  for (const seed of seeds) {
    expect((await readRecordFile(pathOf(results, seed, 'json'))).status).toBe('failed');
    expect((await readRecordFile(pathOf(results, seed, 'json', 'red'))).status).toBe('finished');
  }
  const again = await start(results, ...beside, '--retry', 'failed');
  expect(again.exitCode, again.stderr).toBe(0);
  for (const { training, attempt } of await recordsOf(results)) {
    expect([attempt, training!.together]).toEqual([2, 3]);
    expect(training!.resumedFrom).toBeGreaterThan(0);
  }
});

test.skipIf(process.platform === 'win32')('a task of Slurm has all seeds of a cell', async () => {
  const args = ['--method', lora, 'red', '--seeds', '1', '2', '3', '--max-steps', '10'];
  const submitted = await start('slurm', ...args, '--batch-seeds', '--launcher', 'slurm');
  expect(submitted.stdout).toMatch(/^Submitted Slurm job 7: 6 runs in 2 tasks, output in /);
  const batch = / output in (.*)$/m.exec(submitted.stdout)![1]!;
  for (const task of ['0', '1']) {
    const ended = await execa(join(batch, 'task.sh'), { env: { SLURM_ARRAY_TASK_ID: task } });
    expect(ended.stdout.match(/^finished /gm)).toHaveLength(3);
  }
  for (const variant of [lora, 'red'])
    expectEqual(await recordsOf('slurm', variant), await recordsOf('alone', variant));
  const nothing = await start('slurm', ...args, '--batch-seeds', '--launcher', 'slurm');
  expect(nothing.stdout).toMatch(/^Nothing to submit/);
});
