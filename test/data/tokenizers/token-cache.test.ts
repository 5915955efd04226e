// Tests of the cache of token ids: keys, damaged files and folders without write permission.
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { cachedTokens } from '../../../harness/data/tokenizers/token-cache.ts';
import { cacheFolder } from '../../../harness/support/cache-folder.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const rows = [new Int32Array([1, 2, 3]), new Int32Array(0), new Int32Array([50_256])];
const make = vi.fn(() => Promise.resolve(rows));

beforeEach(async () => {
  make.mockClear();
  vi.stubEnv('DELTABENCH_CACHE', await temporaryFolder());
  onTestFinished(() => void vi.unstubAllEnvs());
});

async function onlyFile(): Promise<string> {
  const folder = join(cacheFolder(), 'tokens');
  const names = await readdir(folder);
  expect(names).toHaveLength(1);
  return join(folder, names[0]!);
}

test('makes once for a key, whatever the order of its parts', async () => {
  expect(await cachedTokens({ a: 1, b: { c: 2, d: 3 } }, make)).toEqual(rows);
  expect(await cachedTokens({ b: { d: 3, c: 2 }, a: 1 }, make)).toEqual(rows);
  expect(make).toHaveBeenCalledTimes(1);
  await cachedTokens({ a: 2 }, make);
  expect(make).toHaveBeenCalledTimes(2);
});

test('no rows at all are kept too', async () => {
  const none = vi.fn(() => Promise.resolve([]));
  expect(await cachedTokens({}, none)).toEqual([]);
  expect(await cachedTokens({}, none)).toEqual([]);
  expect(none).toHaveBeenCalledTimes(1);
});

test.each([
  ['cut short', (path: string) => truncate(path, 50)],
  ['emptied', (path: string) => truncate(path, 0)],
  [
    'changed',
    async (path: string) => {
      const bytes = await readFile(path);
      bytes[bytes.length - 1]! ^= 1;
      await writeFile(path, bytes);
    },
  ],
])('a file that was %s is made again', async (_, spoil) => {
  await cachedTokens({}, make);
  await spoil(await onlyFile());
  expect(await cachedTokens({}, make)).toEqual(rows);
  expect(await cachedTokens({}, make)).toEqual(rows);
  expect(make).toHaveBeenCalledTimes(2);
});

test('a cache that cannot be written stops nothing', async () => {
  const file = join(await temporaryFolder(), 'file');
  await writeFile(file, '');
  vi.stubEnv('DELTABENCH_CACHE', file);
  expect(await cachedTokens({}, make)).toEqual(rows);
});

test('the folder follows the environment', () => {
  vi.stubEnv('DELTABENCH_CACHE', undefined);
  vi.stubEnv('XDG_CACHE_HOME', '/x');
  expect(cacheFolder()).toBe(join('/x', 'deltabench'));
});
