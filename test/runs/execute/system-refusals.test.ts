// Tests of writing where the system refuses (full disk, read-only file system, too few open files): one line
// names the path, the exit code is 2 (a UsageError), no file is half-written, and the same command goes on
// afterwards. Tests that mount a file system of a few kilobytes skip without the right to do so.
import { spawnSync } from 'node:child_process';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { expect, onTestFinished, test } from 'vitest';
import {
  systemError,
  writeError,
  writeFileAtomic,
  writeFolderAtomic,
} from '../../../harness/support/atomic-files.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { writeSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { tryLock } from '../../../harness/records/locks/file-lock.ts';
import { tinyRuns } from '../tiny-run.ts';

const { folder, run } = await tinyRuns();
const tries = join(folder, 'tries');
await mkdir(tries);
const canMount =
  process.platform === 'linux' &&
  spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', tries]).status === 0;
if (canMount) spawnSync('umount', [tries]);

/** Mounts a file system of this many kilobytes; it is unmounted when the test ends. */
async function mounted(name: string, kilobytes: number): Promise<string> {
  const place = join(folder, name);
  await mkdir(place);
  await execa('mount', ['-t', 'tmpfs', '-o', `size=${kilobytes}k`, 'tmpfs', place]);
  onTestFinished(() => void spawnSync('umount', [place]));
  return place;
}

test.skipIf(!canMount)('a full disk: one line, nothing half-written, and the same run goes on', async () => {
  const place = await mounted('small', 16);
  await expect(run('small')).rejects.toThrow(UsageError);
  await expect(run('small')).rejects.toThrow(/^Cannot write .*small.*: the disk is full; free some space/);
  const left = await readdir(place, { recursive: true });
  expect(left.filter((name) => /tmp$|lock$|\.json$/.test(name))).toEqual([]);
  await execa('mount', ['-o', 'remount,size=8m', place]);
  const { outcomes } = await run('small');
  expect(outcomes[0]!.record.status).toBe('finished');
  const whole = await run('roomy');
  expect(outcomes[0]!.record.files.tensors).toEqual(whole.outcomes[0]!.record.files.tensors);
});

test.skipIf(!canMount)('a full disk and every writer of files', async () => {
  const place = await mounted('full', 16);
  const size = 40_000;
  const writers: readonly [string, (path: string) => Promise<unknown>][] = [
    ['file', (path) => writeFileAtomic(path, Buffer.alloc(size))],
    ['tensors', (path) => writeSafetensors(path, { a: { shape: [size], data: new Float32Array(size) } })],
    ['folder', (path) => writeFolderAtomic(path, (to) => writeFile(join(to, 'a'), Buffer.alloc(size)))],
  ];
  for (const [name, write] of writers) {
    const path = join(place, name);
    await expect(write(path)).rejects.toThrow(
      new UsageError(`Cannot write ${path}: the disk is full; free some space or choose another folder.`),
    );
    expect(await readdir(place)).toEqual([]);
  }
  // A lock is smaller than what the others left room for.
  await writeFile(join(place, 'others'), Buffer.alloc(16 * 1024));
  await expect(tryLock(join(place, 'seed-1.lock'))).rejects.toThrow(
    /^Cannot write .*seed-1\.lock: the disk is full/,
  );
  expect(await readdir(place)).toEqual(['others']);
});

test('a folder that cannot be written is called as it was to be', async () => {
  const path = join(await temporaryFolder(), 'adapter');
  const written = writeFolderAtomic(path, (to) =>
    Promise.reject(new UsageError(`Cannot write ${join(to, 'a')}: the disk is full;`)),
  );
  await expect(written).rejects.toThrow(`Cannot write ${join(path, 'a')}: the disk is full;`);
});

test.skipIf(!canMount)('a read-only file system refuses a lock and a run in one line', async () => {
  const place = await mounted('fixed', 64);
  await execa('mount', ['-o', 'remount,ro', place]);
  await expect(tryLock(join(place, 'seed-1.lock'))).rejects.toThrow(
    /^Cannot write .*: the file system is read-only/,
  );
  await expect(run('fixed')).rejects.toThrow(/^Cannot write .*: the file system is read-only/);
});

test.each(['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'EMFILE', 'ENFILE', 'EIO', 'EFBIG', 'ESTALE'])(
  '%s is told in words, by writers and wherever else it shows',
  (code) => {
    const error = Object.assign(new Error(`${code}: no`), { code, path: '/somewhere/weights' });
    for (const told of [writeError('/some/file', error), systemError(error)]) {
      expect(told).toBeInstanceOf(UsageError);
      expect((told as Error).message).toMatch(/^Cannot (write|use) \/some\S+: [a-z][^\n]+\.$/);
      expect((told as Error).message).not.toContain(code);
    }
  },
);

test('what is told once stays as it is, and other errors too', () => {
  const told = new UsageError('Cannot write a: the disk is full.', {
    cause: Object.assign(new Error(), { code: 'ENOSPC' }),
  });
  expect([writeError('b', told), systemError(told)]).toEqual([told, told]);
  const other = new Error('the loss is NaN');
  expect([writeError('b', other), systemError(other)]).toEqual([other, other]);
});
