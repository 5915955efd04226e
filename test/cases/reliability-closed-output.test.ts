// Regression test: output into a closed pipe or onto a full disk ended in a stack trace, and a sweep stopped
// with its progress output. Expected: silence and exit code 141, or one line and 2; the work is done.
// Commands run in a shell.
import { readdir, readFile } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, test } from 'vitest';
import { projectRoot } from '../../harness/support/project-root.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyModel, writeTinyE2E } from '../cli/bench.ts';
import { commandLine } from '../cli/command-line.ts';

const bench = `bench() { '${process.execPath}' ${commandLine.join(' ')} "$@"; }`;
const full = existsSync('/dev/full');

/** Runs a line of shell that begins with `bench`; gives that command's exit code. */
async function shell(
  line: string,
  folder: string,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const script = `${bench}; ${line}; exit "\${PIPESTATUS[0]}"`;
  const { exitCode, stdout, stderr } = await execa('bash', ['-c', script], {
    cwd: projectRoot,
    reject: false,
    env: {
      DELTABENCH_DATA: undefined,
      DELTABENCH_CACHE: join(folder, 'cache'),
      HF_HOME: join(folder, 'hub'),
    },
  });
  return { code: exitCode!, stdout, stderr };
}

/**
 * Does what `shell` does, with stdout (`1`), stderr (`2`) or `both` in a pipe that closes before it starts.
 */
function unread(what: '1' | '2' | 'both', command: string, folder: string): ReturnType<typeof shell> {
  const waiting = `{ read -r _ < '${folder}/closed'; ${command}${what === 'both' ? ' 2>&1' : ''}; }`;
  const reader = `exec <&-; echo > '${folder}/closed'`;
  const line = what === '2' ? `${waiting} 2> >(${reader})` : `${waiting} | { ${reader}; }`;
  return shell(`mkfifo '${folder}/closed'; ${line}`, folder);
}

const commands = [
  'list',
  'list methods',
  '--help',
  'params --model gpt2-mini --method red --tensors',
  'params --model gpt2-mini --method red --json',
  '--task e2e --method red --dry-run',
  'status --results FOLDER',
];

describe.each(commands)('bench %s', (command) => {
  const given = (folder: string) => command.replace('FOLDER', folder);

  test('into a pipe that is closed', async () => {
    const folder = await temporaryFolder();
    expect(await unread('1', `bench ${given(folder)}`, folder)).toEqual({
      code: 141,
      stdout: '',
      stderr: '',
    });
  });

  test.skipIf(!full)('onto a full disk', async () => {
    const folder = await temporaryFolder();
    const { code, stderr } = await shell(`bench ${given(folder)} > /dev/full`, folder);
    expect([code, stderr]).toEqual([
      2,
      'error: Cannot write standard output: the disk is full; free some space or choose another folder.',
    ]);
  });
});

test.skipIf(!full)('an error that cannot be told keeps its exit code', async () => {
  const folder = await temporaryFolder();
  expect(await shell('bench lisst 2> /dev/full', folder)).toEqual({ code: 2, stdout: '', stderr: '' });
  expect(await shell('bench lisst > /dev/full 2> /dev/full', folder)).toMatchObject({ code: 2 });
  expect(await shell('bench list methods 2> /dev/full', folder)).toMatchObject({ code: 0 });
});

describe.each([1, 2])('a sweep, %i at once', (jobs) => {
  const seeds = [1, 2];
  const sweep = (folder: string) =>
    `bench --task e2e --model '${tinyModel}' --data '${folder}/data' --limit 8 --method red --seeds ` +
    `${seeds.join(' ')} ` +
    `--jobs ${jobs} --results '${folder}/results' --set max-new-tokens=2 batch-size=4 epochs=1`;
  const records = async (folder: string) => {
    const found = await readdir(join(folder, 'results'), { recursive: true });
    const paths = found.filter((path) => /seed-\d+\.json$/.test(path)).sort();
    const texts = await Promise.all(paths.map((path) => readFile(join(folder, 'results', path), 'utf8')));
    return texts.map((text) => (JSON.parse(text) as { status: string }).status);
  };

  test('whose progress nobody reads goes on to its end', async () => {
    const folder = await temporaryFolder();
    await writeTinyE2E(join(folder, 'data'));
    const { code, stdout } = await unread('2', sweep(folder), folder);
    expect(await records(folder)).toEqual(['finished', 'finished']);
    expect([code, stdout]).toEqual([0, expect.stringContaining('BLEU')]);
  });

  test('of which nobody reads anything goes on to its end', async () => {
    const folder = await temporaryFolder();
    await writeTinyE2E(join(folder, 'data'));
    const { code, stderr } = await unread('both', sweep(folder), folder);
    expect(await records(folder)).toEqual(['finished', 'finished']);
    expect([code, stderr]).toEqual([141, '']);
  });
});
