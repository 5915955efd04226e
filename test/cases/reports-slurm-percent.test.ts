// Regression test: Slurm replaces characters after a percent sign in --output, so the output of tasks in a
// folder such as `drop-10%train` went to a missing folder. Expected: percent signs of the path are doubled. A
// script stands in for sbatch; it replaces what sbatch's manual lists under "filename pattern".
import { chmod, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, vi } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { prepareCells } from '../../harness/runs/cell/prepare-cells.ts';
import { readBatches, submitBatch } from '../../harness/runs/cluster/slurm.ts';
import { resultsStatus } from '../../harness/runs/cluster/status.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, request, plan } = await tinyRuns();
const bin = join(folder, 'bin');
const seen = join(folder, 'seen');
await mkdir(bin);
await writeFile(join(bin, 'sbatch'), `#!/bin/sh\nprintf '%s\\0' "$@" > '${seen}'\necho 7\n`);
await chmod(join(bin, 'sbatch'), 0o755);
vi.stubEnv('PATH', `${bin}:${process.env.PATH ?? ''}`);

/** Gives the output file of task 0 of job 7, as Slurm names it. */
function replaced(pattern: string): string {
  const values: Record<string, string> = {
    '%': '%',
    A: '7',
    a: '0',
    j: '7',
    J: '7',
    t: '0',
    n: '0',
    s: 'batch',
    x: 'deltabench',
    u: 'user',
    N: 'node1',
  };
  return pattern.replace(/%(.)/g, (whole, letter: string) => values[letter] ?? whole);
}

async function submit(results: string) {
  const planned = await plan(results);
  const groups = (await prepareCells(planned)).map(({ identity, place }, index) => [
    { index, identity, path: relative(planned.results, place.path) },
  ]);
  const submission = { kind: 'runs', request: request(results), retryFailed: false, groups } as const;
  return submitBatch(submission, planned.results, {});
}

describe.skipIf(process.platform === 'win32')('a results folder whose name has', () => {
  it.each([
    ['a percent sign', 'drop-10%train'],
    ['doubled percent signs', '100%%a%%'],
    ["an array's pattern", '%A_%a'],
    ['spaces and quotes', `it's "two" words`],
    ['a line end', 'two\nlines'],
  ])('%s', async (_, name) => {
    const submitted = await submit(name);
    const args = (await readFile(seen, 'utf8')).split('\0');
    const pattern = args.find((arg) => arg.startsWith('--output='))!.slice('--output='.length);
    expect(replaced(pattern)).toBe(join(submitted!.folder, '0.out'));
    expect(args.at(-2)).toBe(join(submitted!.folder, 'task.sh'));
    // The folder holds exactly the files of the batch, all of them from the start.
    expect((await readdir(submitted!.folder)).sort()).toEqual(['batch.json', 'job', 'task.sh']);
    expect(await readdir(join(folder, name, '.slurm'))).toHaveLength(1);
    expect((await stat(args.at(-2)!)).mode & 0o100).toBe(0o100);
    expect((await readBatches(join(folder, name))).batches).toHaveLength(1);
  });

  it('quotes and line ends is found by the task itself', async () => {
    const name = `it's "two"\nlines of 10%`;
    const submitted = await submit(name);
    const task = await execa(join(submitted!.folder, 'task.sh'), {
      reject: false,
      env: { SLURM_ARRAY_TASK_ID: '0' },
    });
    expect(task.exitCode, task.stdout + task.stderr).toBe(0);
    expect(task.stdout).toMatch(/^finished \(/m);
    const { cells } = await resultsStatus(join(folder, name));
    expect(cells.map(({ state }) => state)).toEqual(['done']);
  });

  it('a backslash is refused before anything is written', async () => {
    await expect(submit('back\\slash')).rejects.toThrow(UsageError);
    await expect(submit('back\\slash')).rejects.toThrow(/backslash in it .* choose a folder without one/);
    expect(await readdir(folder)).not.toContain('back\\slash');
  });
});
