import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeFolder, writeAtomically, writeFileAtomic } from '../../harness/support/atomic-files.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { temporaryFolder } from './temporary.ts';

test('writes and replaces a file and leaves nothing else', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.json');
  await writeFileAtomic(path, 'one');
  await writeFileAtomic(path, new Uint8Array([116, 119, 111]));
  expect(await readFile(path, 'utf8')).toBe('two');
  expect(await readdir(folder)).toEqual(['a.json']);
});

test('a failure half way keeps the old file and removes the new one', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.json');
  await writeFile(path, 'old');
  const failing = writeAtomically(path, async (file) => {
    await file.writeFile('half');
    throw new Error('stopped');
  });
  await expect(failing).rejects.toThrow('stopped');
  expect(await readFile(path, 'utf8')).toBe('old');
  expect(await readdir(folder)).toEqual(['a.json']);
});

test('a full disk is one clear line', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'a.json');
  const full = writeAtomically(path, () =>
    Promise.reject(Object.assign(new Error('ENOSPC: no space left on device'), { code: 'ENOSPC' })),
  );
  await expect(full).rejects.toThrow(
    new UsageError(`Cannot write ${path}: the disk is full; free some space or choose another folder.`),
  );
  expect(await readdir(folder)).toEqual([]);
});

test('a missing folder and a folder in the way are named', async () => {
  const folder = await temporaryFolder();
  await expect(writeFileAtomic(join(folder, 'none', 'a'), '')).rejects.toThrow(/the folder does not exist/);
  await mkdir(join(folder, 'taken'));
  await expect(writeFileAtomic(join(folder, 'taken'), '')).rejects.toThrow(UsageError);
  expect(await readdir(folder)).toEqual(['taken']);
});

test('makes folders as deep as needed, and says what is in the way', async () => {
  const folder = await temporaryFolder();
  const deep = join(folder, 'a', 'b', 'c');
  await Promise.all([makeFolder(deep), makeFolder(deep)]);
  await makeFolder(deep);
  await writeFileAtomic(join(deep, 'file'), '');
  await expect(makeFolder(join(deep, 'file'))).rejects.toThrow(UsageError);
  await expect(makeFolder(join(deep, 'file'))).rejects.toThrow(/a file is in the way/);
  await expect(makeFolder(join(deep, 'file', 'd'))).rejects.toThrow(/a part of the path is a file/);
});

test.skipIf(process.platform !== 'linux')(
  'a file system that makes no folders is refused, not waited for',
  async () => {
    await expect(makeFolder('/proc/deltabench/results')).rejects.toThrow(UsageError);
  },
);
