// Regression test: a Slurm batch without batch.json stopped status and all later submissions, and a lock of
// another machine on a read-only file system stopped status, which wrote a probe. Expected: unreadable
// batches are listed, the rest is shown, and reading writes nothing.
import { mkdir, readdir, stat, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { heartbeat, type Owner } from '../../harness/records/locks/file-lock.ts';
import { resultsStatus } from '../../harness/runs/cluster/status.ts';
import { tinyModel } from '../cli/bench.ts';
import { benchInside } from '../cli/inside.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, run } = await tinyRuns();
const elsewhere: Owner = {
  host: 'far',
  machine: 'elsewhere',
  pid: 7,
  processStarted: '1',
  since: '2026-11-29T00:00:00.000Z',
  token: 'a',
};

test('batches that cannot be read are listed, the rest is shown', async () => {
  await run('batches');
  const slurm = join(folder, 'batches', '.slurm');
  await mkdir(join(slurm, '20261129T000000Z-aaaaaaaa'), { recursive: true });
  await mkdir(join(slurm, '20261129T000000Z-bbbbbbbb', 'batch.json'), { recursive: true });
  await writeFile(join(slurm, 'a file'), '');
  // A killed submission leaves such a folder, which is not a batch yet.
  await mkdir(join(slurm, '.20261129T000000Z-cccccccc.id.tmp'));
  const { cells, untrusted } = await resultsStatus(join(folder, 'batches'));
  expect(cells.map(({ state }) => state)).toEqual(['done']);
  const reason = 'it holds no batch.json that --launcher slurm wrote';
  expect(untrusted).toEqual([
    { path: '.slurm/20261129T000000Z-aaaaaaaa', reason },
    { path: '.slurm/20261129T000000Z-bbbbbbbb', reason },
    { path: '.slurm/a file', reason },
  ]);
  const { exitCode, stdout, stderr } = await benchInside(folder)(
    'status',
    '--results',
    join(folder, 'batches'),
  );
  expect([exitCode, stdout]).toEqual([0, '1 run: 1 done']);
  expect(stderr).toMatch(/20261129T000000Z-aaaaaaaa is not used and stays as it is: it holds no batch\.json/);
});

test("a lock of another machine is judged by this one's clock, and nothing is written", async () => {
  const cells = join(folder, 'locked', 'e2e', tinyModel, 'red');
  await mkdir(cells, { recursive: true });
  for (const seed of [1, 2]) await writeFile(join(cells, `seed-${seed}.lock`), JSON.stringify(elsewhere));
  const old = Date.now() / 1000 - heartbeat.dead - 60;
  await utimes(join(cells, 'seed-2.lock'), old, old);
  // Every file made in a folder changes the folder's time.
  await utimes(cells, old, old);
  const before = await stat(cells);
  const { cells: found } = await resultsStatus(join(folder, 'locked'));
  expect(found.map(({ state, why }) => [state, why])).toEqual([
    ['running', 'far, process 7, since 2026-11-29T00:00:00.000Z'],
    ['stopped', expect.stringContaining('far has given no sign of life for 3 minutes') as string],
  ]);
  expect((await stat(cells)).mtimeMs).toBe(before.mtimeMs);
  expect((await readdir(cells)).sort()).toEqual(['seed-1.lock', 'seed-2.lock']);
});

test('whatever it is shown, status says it in a line', async () => {
  const place = await temporaryFolder();
  await writeFile(join(place, 'file'), 'x');
  await mkdir(join(place, 'empty'));
  await mkdir(join(place, 'foreign', 'sub.work'), { recursive: true });
  for (const name of ['package.json', 'yarn.lock', 'Cargo.lock'])
    await writeFile(join(place, 'foreign', name), '{}');
  await expect(resultsStatus(join(place, 'file'))).rejects.toThrow(
    new UsageError(
      `The results folder ${join(place, 'file')} is a file, not a folder; --results names another.`,
    ),
  );
  await expect(resultsStatus(join(place, 'none'))).rejects.toThrow(
    new UsageError(`The results folder ${join(place, 'none')} is not there; --results names another.`),
  );
  expect(await resultsStatus(join(place, 'empty'))).toEqual({ cells: [], untrusted: [] });
  expect(await resultsStatus(join(place, 'foreign'))).toEqual({
    cells: [],
    untrusted: [{ path: '*.json (1 file)', reason: 'no run wrote what lies there' }],
  });
});
