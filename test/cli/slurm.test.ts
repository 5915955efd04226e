// Tests of --launcher slurm and `bench status` on a real Slurm of one machine, where Slurm is installed; runs and
// evaluations (test/cli/eval-slurm.test.ts has evaluations without a Slurm).
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { parseSlurmOptions } from '../../harness/runs/cluster/slurm.ts';
import type { CellStatus } from '../../harness/runs/cluster/status.ts';
import { benchIn, writeTinyE2E } from './bench.ts';

/** Whether Debian's slurm-wlm and munge are installed. */
const isInstalled = ['slurmctld', 'slurmd', 'munged'].every((name) => existsSync(`/usr/sbin/${name}`));
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
const slurm = join(folder, 'slurm');
const script = (name: string) => execa(join(projectRoot, 'test', 'slurm', name), [slurm]);
const bench = benchIn(folder);
const model = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';

afterAll(() => rm(folder, { recursive: true, force: true }));

test('what a task asks for is key=value, of what there is', () => {
  expect(parseSlurmOptions(['partition=gpu', 'time=1-2:00:00', 'gpus=1', 'memory=16G', 'cells=4'])).toEqual({
    partition: 'gpu',
    time: '1-2:00:00',
    gpus: '1',
    memory: '16G',
    cells: '4',
  });
  for (const wrong of ['gpu=1', 'gpus=a100', 'cells=0', 'time=', 'partition=a b', 'memory'])
    expect(() => parseSlurmOptions([wrong])).toThrow(UsageError);
});

test.skipIf(isInstalled)('without Slurm one line says so', async () => {
  await writeTinyE2E(data);
  const { exitCode, stderr } = await launch('none');
  expect([exitCode, stderr]).toEqual([2, expect.stringMatching(/^error: --launcher slurm needs sbatch/m)]);
});

const train = (results: string, ...args: string[]) =>
  bench(
    ...[
      '--task',
      'e2e',
      '--model',
      model,
      '--data',
      data,
      '--limit',
      '8',
      '--method',
      'full',
      '--threads',
      '1',
    ],
    ...['--results', join(folder, results), '--set', 'max-new-tokens=2', 'batch-size=4', 'epochs=500000'],
    ...args,
  );
const launch = (results: string, ...args: string[]) => train(results, ...args, '--launcher', 'slurm');

describe.skipIf(!isInstalled)('a Slurm of one node', () => {
  beforeAll(async () => {
    await writeTinyE2E(data);
    const { stdout } = await script('start.sh');
    process.env.SLURM_CONF = stdout.trim().replace('SLURM_CONF=', '');
  });
  afterAll(() => script('stop.sh'));

  async function statusOf(results: string): Promise<CellStatus[]> {
    const { stdout, stderr } = await bench('status', '--results', join(folder, results), '--json');
    expect(stderr).toBe('');
    return (JSON.parse(stdout) as { cells: CellStatus[] }).cells;
  }
  /** Polls the status until `isThere` accepts it. */
  async function statusWhen(
    results: string,
    isThere: (cells: CellStatus[]) => boolean,
  ): Promise<CellStatus[]> {
    for (;;) {
      const cells = await statusOf(results);
      if (isThere(cells)) return cells;
      await sleep(200);
    }
  }
  const isOver = (cells: CellStatus[]) =>
    cells.every(({ state }) => state !== 'queued' && state !== 'running');
  const jobOf = (stdout: string) => /^Submitted Slurm job (\d+): /.exec(stdout)![1]!;

  test('cells wait, run, finish and fail as tasks, and the same command prints their table', async () => {
    const args = ['--sweep', 'learning-rate=0.01,1e30', '--seeds', '1', '2', '--max-steps', '4'];
    const asked = ['time=10', 'memory=500M', 'gpus=1', 'cells=2'];
    const waiting = await launch('array', ...args, '--slurm', 'partition=closed', ...asked);
    expect(waiting.stdout).toMatch(/^Submitted Slurm job \d+: 4 runs in 2 tasks, output in \S+$/);
    expect(await statusOf('array')).toEqual(
      Array(4).fill(
        expect.objectContaining({
          state: 'queued',
          why: expect.stringMatching(/^Slurm task \d+_[01] waits \(Partition/) as string,
        }),
      ),
    );
    expect((await launch('array', ...args)).stdout).toMatch(/^Nothing to submit/);
    const details = await execa('scontrol', ['show', 'job', jobOf(waiting.stdout)]);
    expect(details.stdout).toMatch(/TimeLimit=00:10:00/);
    expect(details.stdout).toMatch(/MinMemoryNode=500M/);
    expect(details.stdout).toMatch(/TresPerNode=gres:gpu:1/);
    await execa('scancel', [jobOf(waiting.stdout)]);
    const cancelled = await statusWhen('array', isOver);
    expect(new Set(cancelled.map(({ state, why }) => `${state} ${why.replace(/\d+_\d/, 'N')}`))).toEqual(
      new Set(['missing Slurm task N ended as CANCELLED']),
    );

    await launch('array', ...args, '--slurm', ...asked);
    const ended = await statusWhen('array', isOver);
    expect(ended.map(({ path, state }) => [path.replace(/.*\/full~/, ''), state])).toEqual([
      ...[
        ['learningRate=0.01/seed-1.json', 'done'],
        ['learningRate=0.01/seed-2.json', 'done'],
      ],
      ...[
        ['learningRate=1e30/seed-1.json', 'failed'],
        ['learningRate=1e30/seed-2.json', 'failed'],
      ],
    ]);
    expect(ended[2]!.why).toMatch(/^Diverged: /);
    const { stdout } = await bench('status', '--results', join(folder, 'array'));
    expect(stdout).toMatch(/^4 runs: 2 done, 2 failed\nfailed +e2e\/.*seed-1 +Diverged: /);
    const table = await train('array', ...args);
    expect(table.exitCode).toBe(1);
    // The table is transposed, since it is wider than 80 columns.
    expect(table.stdout).toMatch(/^n +2 +0 of 2$/m);
    expect(table.stderr).not.toMatch(/^\[\d/m);
  });

  test('a task that is killed is told of, and goes on from its checkpoint when it is submitted again', async () => {
    // The run would take hours, so that any machine kills it before its end.
    const args = ['--seeds', '1', '--max-steps', '1000000', '--set', 'evaluate-every=20'];
    const first = await launch('killed', ...args);
    const work = join(folder, 'killed', 'e2e', model, 'full', 'seed-1.work');
    while (!existsSync(join(work, 'checkpoint.safetensors'))) await sleep(50);
    const [running] = await statusOf('killed');
    expect(running).toMatchObject({
      state: 'running',
      why: expect.stringMatching(/, process \d+, since /) as string,
    });
    process.kill(Number(/process (\d+)/.exec(running!.why)![1]), 'SIGKILL');
    const [stopped] = await statusWhen('killed', isOver);
    expect(stopped!.state).toBe('stopped');
    expect(stopped!.why).toMatch(new RegExp(`^Slurm task ${jobOf(first.stdout)}_0 ended as FAILED`));

    const second = await launch('killed', ...args);
    await statusWhen('killed', ([cell]) => cell!.state === 'running');
    // Slurm sends this signal before the time limit.
    await execa('scancel', ['--batch', '--signal=TERM', jobOf(second.stdout)]);
    const [saved] = await statusWhen('killed', isOver);
    expect(saved).toMatchObject({
      state: 'stopped',
      why: expect.stringContaining('stopped after step') as string,
    });
    const lines = await readFile(join(work, 'identity'), 'utf8');
    expect(lines.trim()).toBe(saved!.identity);
  });

  test('evaluations wait, run and end as tasks, and the same command prints their table', async () => {
    const results = join(folder, 'evaluated');
    const evaluate = (...args: string[]) =>
      bench(
        ...['eval', '--tasks', 'restaurants', 'everyday-choices', 'word-problems', '--model', 'llama-mini'],
        ...['--limit', '2', '--threads', '1', '--results', results, ...args],
      );
    const asked = ['--launcher', 'slurm', '--slurm', 'time=10', 'cells=5'];
    const waiting = await evaluate(...asked, 'partition=closed');
    expect(waiting.stdout).toMatch(/^Submitted Slurm job \d+: 6 evaluations in 2 tasks, output in \S+$/);
    expect((await statusOf('evaluated')).map(({ kind, state }) => `${kind} ${state}`)).toEqual(
      Array(6).fill('evaluation queued'),
    );
    expect((await evaluate(...asked)).stdout).toMatch(/^Nothing to submit/);
    await execa('scancel', [jobOf(waiting.stdout)]);
    await statusWhen('evaluated', isOver);
    await evaluate(...asked);
    const ended = await statusWhen('evaluated', isOver);
    expect(ended.map(({ state }) => state)).toEqual(Array(6).fill('done'));
    const table = await evaluate();
    expect([table.exitCode, table.stdout]).toEqual([0, expect.stringMatching(/^word-problems \(4\) +8 /m)]);
    expect(table.stderr).not.toContain('documents');
  });

  test('what Slurm refuses is one line, and nothing is left of it', async () => {
    const { exitCode, stderr } = await launch('refused', '--slurm', 'partition=nowhere');
    expect([exitCode, stderr]).toEqual([
      2,
      expect.stringMatching(/^error: Slurm refuses the job: .*[Ii]nvalid partition/m),
    ]);
    expect(await statusOf('refused')).toEqual([]);
  });
});
