// Fuzz test of damaged answers of a hub: the files are right, or one line refuses them. No file is wrong, and
// none lies outside its folder.
import { readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { fetchFromHub } from '../../../harness/data/hub/hub.ts';
import { readParquet } from '../../../harness/data/formats/parquet.ts';
import { hubOf, model, wanted, weights } from '../../cases/hub.ts';
import { changedJson, damagedBytes, damagedJson, readDamaged } from '../../fuzz.ts';
import { commitOf } from './hub-server.ts';
import { temporaryFolder } from '../../support/temporary.ts';

vi.mock('node:timers/promises', () => ({ setTimeout: () => Promise.resolve() }));

const list = [
  { type: 'directory', oid: 'b'.repeat(40), size: 0, path: 'sub' },
  { type: 'file', oid: '9e26dfeeb6e641a33dae4961196235bdb965b21b', size: 2, path: 'config.json' },
  {
    type: 'file',
    oid: 'c'.repeat(40),
    size: weights.length,
    path: 'model.safetensors',
    lfs: { oid: 'd'.repeat(64), size: weights.length, pointerSize: 134 },
  },
];
const info = {
  _id: '1',
  id: 'acme/tiny',
  sha: commitOf('main'),
  private: false,
  lastModified: '2026-01-01T00:00:00Z',
};

test.each([
  ['its list of files', '/tree/', list],
  ['its commit', '/revision/', info],
])('%s', async (_, part, valid) => {
  const hub = await hubOf(model);
  let answer: Buffer = Buffer.alloc(0);
  hub.intercept = (_request, response, url) => {
    if (!url.pathname.includes(part)) return false;
    response.writeHead(200, { 'content-type': 'application/json' }).end(answer);
    return true;
  };
  const paths = fc.constantFrom(
    '../x',
    '/x',
    'a/../../x',
    'a\\x',
    'config.json',
    '\u0000',
    'x'.repeat(300),
    'sub/x',
  );
  const damaged = fc.oneof(
    damagedJson(valid),
    fc
      .tuple(changedJson(valid), paths)
      .map(([changed, path]) => Buffer.from(JSON.stringify(changed).replaceAll('config.json', path))),
  );
  await readDamaged(damaged, async (bytes) => {
    answer = bytes;
    await rm(join(hub.home, 'each'), { recursive: true, force: true });
    vi.stubEnv('HF_HOME', join(hub.home, 'each'));
    const { folder, files } = await fetchFromHub({
      ...wanted,
      files: (path) => path !== 'model.safetensors',
    });
    for (const file of files) expect(await readFile(join(folder, file), 'utf8')).toBe('{}');
  });
  const found = await readdir(hub.home, { recursive: true, withFileTypes: true });
  const outside = found.filter((each) => each.isFile() && !each.parentPath.includes('models--acme--tiny'));
  expect(outside).toEqual([]);
});

test.each(['three-rows.snappy', 'two-rows.zstd'])('its data, %s.parquet', async (name) => {
  const valid = await readFile(join(import.meta.dirname, '../sets/e2e', `${name}.parquet`));
  const path = join(await temporaryFolder(), 'damaged.parquet');
  await readDamaged(damagedBytes(valid), async (bytes) => {
    await writeFile(path, bytes);
    const rows = await readParquet(path, ['meaning_representation', 'human_reference']);
    expect(rows.every((row) => typeof row.human_reference === 'string')).toBe(true);
  });
});
