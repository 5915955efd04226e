// Tests of sweeps that share a results folder: --jobs, locks, killed processes, damaged records.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { tryLock } from '../../harness/records/locks/file-lock.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import {
  appears,
  killOwner,
  readRecordFile,
  says,
  startTiny,
  tinyModel,
  untilStopped,
  writeTinyE2E,
} from './bench.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
beforeAll(() => writeTinyE2E(data));
afterAll(() => rm(folder, { recursive: true }));

const start = (results: string, ...args: string[]) =>
  startTiny(folder, results, ['--threads', '2', ...args], { detached: true });

/** Reads every record below a results folder, by path, with its losses. */
async function recordsOf(results: string): Promise<Map<string, RunRecord & { losses: unknown[] }>> {
  const paths = (await readdir(join(folder, results), { recursive: true })).filter((path) =>
    path.endsWith('.json'),
  );
  const found = new Map<string, RunRecord & { losses: unknown[] }>();
  for (const path of paths.sort()) {
    const record = await readRecordFile(join(folder, results, path));
    const steps = await readFile(join(folder, results, path.replace(/json$/, 'steps.jsonl')), 'utf8').catch(
      () => '',
    );
    const losses = steps
      .split('\n')
      .flatMap((line) => (line ? [(JSON.parse(line) as { loss: number }).loss] : []));
    found.set(path, { ...record, losses });
  }
  return found;
}

test('24 cells killed at random ten times end as those of an undisturbed sweep, bit for bit', async () => {
  const args = [
    ...['--method', 'red', 'lora~dropout=0.1', '--sweep', 'learning-rate=0.01,0.02', 'weight-decay=0,0.1'],
    ...['--seeds', '1', '2', '3', '--max-steps', '30', '--jobs', '2'],
  ];
  const whole = await start('whole', ...args);
  expect(whole.exitCode, whole.stderr).toBe(0);
  expect(whole.stderr).toMatch(
    /^\d+\/24 cells(, \S+ \w+ left)? \| e2e · .* · seed \d: (train|generate) \d+\/\d+/m,
  );
  for (let kill = 0; kill < 10; kill++) {
    const running = start('killed', ...args);
    // The kill comes at a random moment after a cell has started.
    await says(running, /^\[\d+\/\d+\]/m);
    await sleep(Math.random() * 600);
    // Kills the sweep alone, whose children must then end by themselves, or the whole group.
    if (kill % 2) running.kill('SIGKILL');
    else if (running.exitCode === null) process.kill(-running.pid!, 'SIGKILL');
    await running;
  }
  const ended = await start('killed', ...args);
  expect(ended.exitCode, ended.stderr).toBe(0);
  expect(ended.stdout.split('\n\n')[1]).toBe(whole.stdout.split('\n\n')[1]);
  const [a, b] = [await recordsOf('killed'), await recordsOf('whole')];
  expect([...a.keys()]).toEqual([...b.keys()]);
  expect(a.size).toBe(24);
  for (const [path, record] of a) {
    const other = b.get(path)!;
    expect(record.losses).toHaveLength(30);
    expect([record.losses, record.metrics, record.files.tensors, record.files.predictions]).toEqual([
      ...[other.losses, other.metrics, other.files.tensors, other.files.predictions],
    ]);
  }
  const left = (await readdir(join(folder, 'killed'), { recursive: true })).filter((path) =>
    /lock|work/.test(path),
  );
  expect(left).toEqual([]);
});

test('a killed child process is a failed seed with its reason; the others go on, as --retry failed does', async () => {
  const args = ['--method', 'red', '--seeds', '1', '2', '3', '--max-steps', '400', '--jobs', '2'];
  const results = await untilStopped(async (results) => {
    const running = start(results, ...args);
    const lock = join(folder, results, 'e2e', tinyModel, 'red', 'seed-1.lock');
    await appears(lock.replace('.lock', '.work/checkpoint.safetensors'), running);
    expect(await killOwner(lock)).not.toBe(running.pid);
    const { exitCode, stdout, stderr } = await running;
    if (exitCode === 0) return false;
    expect([exitCode, stderr]).toEqual([1, expect.stringContaining('1 of 3 runs failed')]);
    expect(stdout).toMatch(/seed 1 failed: Crashed: the run's process ended by SIGKILL/);
    return true;
  });
  const before = await recordsOf(results);
  expect([...before.values()].map(({ status }) => status)).toEqual(['failed', 'finished', 'finished']);

  const again = await start(results, ...args, '--retry', 'failed');
  expect(again.exitCode, again.stderr).toBe(0);
  const [first] = [...(await recordsOf(results)).values()];
  expect(first).toMatchObject({ status: 'finished', attempt: 2, settings: { seed: 1 } });
  expect(first!.training!.resumedFrom).toBeGreaterThan(0);
});

test('two sweeps on the same results share the work, and no cell is done twice', async () => {
  const args = ['--method', 'red', 'lora', '--seeds', '1', '2', '3', '4', '--max-steps', '40', '--json'];
  const cells = ['red', 'lora'].flatMap((method) =>
    [1, 2, 3, 4].map((seed) => join(folder, 'shared', 'e2e', tinyModel, method, `seed-${seed}.lock`)),
  );
  // This process holds all cells but one until the first sweep has begun that one; the first sweep then
  // pauses until the second has begun another. The order does not depend on the machine.
  for (const cell of cells) await mkdir(dirname(cell), { recursive: true });
  const locks = await Promise.all(cells.slice(1).map((cell) => tryLock(cell)));
  const first = start('shared', ...args);
  await says(first, /^\[\d\/8\]/m);
  process.kill(first.pid!, 'SIGSTOP');
  const second = start('shared', ...args, '--jobs', '2');
  const begun = says(second, /^\[\d\/8\]/m);
  for (const lock of locks) await lock!.release();
  await begun;
  process.kill(first.pid!, 'SIGCONT');
  const both = await Promise.all([first, second]);
  const started = both.map(({ stderr }) =>
    [...stderr.matchAll(/^\[\d+\/8\] (.*)$/gm)].map(([, cell]) => cell),
  );
  expect(both.map(({ exitCode }) => exitCode)).toEqual([0, 0]);
  expect(new Set(started.flat()).size).toBe(8);
  expect(started.flat()).toHaveLength(8);
  expect(started.every((cells) => cells.length > 0)).toBe(true);
  const [a, b] = both.map(({ stdout }) => (JSON.parse(stdout) as { runs: unknown[] }).runs);
  expect(a).toEqual(b);
  expect([...(await recordsOf('shared')).values()].map(({ attempt }) => attempt)).toEqual(Array(8).fill(1));
});

test('records that are cut short, of another schema or changed by hand are reported, unused and kept', async () => {
  const args = ['--method', 'red', '--seeds', '1', '2', '3', '4', '--max-steps', '2', '--json'];
  const first = await start('damaged', ...args);
  const { runs } = JSON.parse(first.stdout) as { runs: { path: string }[] };
  const paths = runs.map(({ path }) => path);
  const damage = [
    (text: string) => text.slice(0, 500),
    (text: string) => text.replace('"schema": 1', '"schema": 7'),
    (text: string) => text.replace(/"value": [\d.e-]+/, '"value": 0.99'),
  ];
  const texts: string[] = [];
  for (const [i, change] of damage.entries()) {
    const text = change(await readFile(paths[i]!, 'utf8'));
    texts.push(text);
    await writeFile(paths[i]!, text);
  }
  const again = await start('damaged', ...args, '--jobs', '2');
  expect(again.exitCode, again.stderr).toBe(0);
  const reasons = [
    'it is not JSON',
    'its schema is 7, this version reads 1',
    'its content does not fit its digest',
  ];
  for (const [i, reason] of reasons.entries()) {
    expect(again.stderr).toContain(`${paths[i]!} is not used and stays as it is: ${reason}`);
    expect(await readFile(paths[i]!, 'utf8')).toBe(texts[i]);
  }
  const after = (JSON.parse(again.stdout) as { runs: { path: string; metrics: unknown }[] }).runs;
  expect(after.map(({ path }) => dirname(path))).toEqual(paths.map((path) => dirname(path)));
  expect(after.map(({ path }, i) => path === paths[i])).toEqual([false, false, false, true]);
  expect(after.map(({ metrics }) => metrics)).toEqual(
    runs.map((run) => (run as { metrics?: unknown }).metrics),
  );
});

test('Ctrl-C stops every child process with a checkpoint; the same command goes on', async () => {
  const args = ['--method', 'red', '--seeds', '1', '2', '--max-steps', '600', '--jobs', '2'];
  const results = await untilStopped(async (results) => {
    const running = start(results, ...args);
    // A terminal sends the signal to all processes of the group. A second one would stop them at once.
    if ((await says(running, /: train /)) && running.exitCode === null) process.kill(-running.pid!, 'SIGINT');
    const { exitCode, stderr } = await running;
    if (exitCode === 0) return false;
    expect([exitCode, stderr]).toEqual([
      130,
      expect.stringContaining('Stopped. The same command goes on from here.'),
    ]);
    return true;
  });
  const again = await start(results, ...args);
  expect(again.exitCode, again.stderr).toBe(0);
  const resumed = [...(await recordsOf(results)).values()].map(({ training }) => training!.resumedFrom ?? 0);
  expect(Math.max(...resumed)).toBeGreaterThan(0);
});
