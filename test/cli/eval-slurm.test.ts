// Evaluations submitted to Slurm, for which a script stands in: what is submitted, and what its tasks do.
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { benchIn } from './bench.ts';
import { benchInside } from './inside.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const bench = benchIn(folder);
const inside = benchInside(folder);
const bin = join(folder, 'bin');
await mkdir(bin);
await writeFile(join(bin, 'sbatch'), '#!/bin/sh\necho 7\n');
await chmod(join(bin, 'sbatch'), 0o755);
vi.stubEnv('PATH', `${bin}:${process.env.PATH ?? ''}`);

const evaluateTasks = (tasks: readonly string[], results: string, ...args: string[]) =>
  bench(
    ...['eval', '--tasks', ...tasks, '--model', 'llama-mini', '--limit', '3', '--threads', '1'],
    ...['--results', join(folder, results), ...args],
  );
const evaluate = (results: string, ...args: string[]) =>
  evaluateTasks(['restaurants', 'everyday-choices~limit=2'], results, ...args);
const onSlurm = ['--launcher', 'slurm', '--slurm', 'cells=2'];

/** Starts a task of the job array as Slurm does. */
const startTask = (batch: string, task: number) =>
  execa(join(batch, 'task.sh'), { reject: false, env: { SLURM_ARRAY_TASK_ID: String(task) } });

describe.skipIf(process.platform === 'win32')('evaluations on Slurm', () => {
  test('a dry run says what would be submitted, and writes nothing', async () => {
    const { stdout, exitCode } = await evaluate('dry', '--dry-run', '--launcher', 'slurm');
    expect(exitCode).toBe(0);
    expect(stdout.replace(/ +$/gm, '')).toBe(
      [
        'task  evaluation        documents',
        '0     restaurants       3',
        '1     everyday-choices  2',
        '',
        '2 evaluations would be submitted in 2 Slurm tasks.',
      ].join('\n'),
    );
    expect(existsSync(join(folder, 'dry'))).toBe(false);
    const json = await evaluate('dry', '--dry-run', ...onSlurm, '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({
      evaluations: [
        { task: 0, name: 'restaurants', documents: 3 },
        { task: 0, name: 'everyday-choices', documents: 2 },
      ],
    });
  });

  test('a task does its evaluations, and what has a record is not submitted again', async () => {
    const results = "drop-10%t it's";
    await evaluateTasks(['restaurants'], results);
    const { stdout } = await evaluate(results, ...onSlurm, '--json');
    const { job, tasks, cells, folder: batch } = JSON.parse(stdout) as Record<string, string | number>;
    expect([job, tasks, cells]).toEqual(['7', 1, 1]);
    const task = await startTask(String(batch), 0);
    expect([task.exitCode, task.stdout]).toEqual([
      0,
      expect.stringMatching(/^evaluated \(.*everyday-choices-/m),
    ]);
    expect((await evaluate(results, ...onSlurm)).stdout).toMatch(/^Nothing to submit/);
    const table = await evaluate(results);
    expect(table.stdout).toMatch(/^everyday-choices +1 +0 +2 +acc /m);
  });

  test('a task whose code or data has changed refuses, and says so', async () => {
    const { stdout } = await evaluate('changed', ...onSlurm, '--json');
    const { folder: batch } = JSON.parse(stdout) as { folder: string };
    const path = join(batch, 'batch.json');
    const text = await readFile(path, 'utf8');
    await writeFile(path, text.replace(/"identity": "./, '"identity": "x'));
    const task = await startTask(batch, 0);
    expect([task.exitCode, task.stdout]).toEqual([
      2,
      expect.stringContaining('submit what is missing again'),
    ]);
    expect(existsSync(join(folder, 'changed', 'evaluations'))).toBe(false);
  });

  test.each([
    [['--jobs', '2', '--launcher', 'slurm'], /--jobs is for work on this machine/],
    [['--slurm', 'time=10'], /--slurm says how --launcher slurm submits/],
    [['--launcher', 'slrum'], /did you mean .*slurm/i],
    [['--launcher', 'slurm', '--slurm', 'gpu=1'], /--slurm has no gpu/],
    [['--launcher', 'slurm', '--output', 'lm-eval'], /--output writes what is there/],
  ])('%j is refused', async (args, message) => {
    const tasks = ['restaurants', 'everyday-choices~limit=2'];
    const { exitCode, stderr } = await inside(
      ...[
        'eval',
        '--tasks',
        ...tasks,
        '--model',
        'llama-mini',
        '--results',
        join(folder, 'refused'),
        ...args,
      ],
    );
    expect([exitCode, stderr]).toEqual([2, expect.stringMatching(message)]);
  });
});
