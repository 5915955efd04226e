// Regression test: a damaged wheel was an unexpected error, and a damaged METEOR cache was used silently or
// hung. Expected: a UsageError with the reason (exit code 2), and a changed table is never used. Tables are
// made up.
import { createHash } from 'node:crypto';
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { deflateRawSync, gzipSync } from 'node:zlib';
import { execa } from 'execa';
import fc from 'fast-check';
import { expect, test, vi } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readZip, unzip } from '../../harness/support/zip.ts';
import {
  compactTable,
  fetchMeteorTable,
  loadParaphrases,
  ParaphraseTable,
} from '../../harness/metrics/meteor/paraphrases.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import e2e from '../../tasks/e2e.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { zipOf } from '../data/formats/torch-archive.ts';
import { damagedBytes, readDamaged } from '../fuzz.ts';
import { commandLine } from '../cli/command-line.ts';

const text = '0.5\na lot\nmany\n0.2\nbig\nlarge\n0.3\nbig boat\nship\n';
const member = 'pycocoevalcap/meteor/data/paraphrase-en.gz';
const wheel = zipOf({ 'pycocoevalcap/__init__.py': Buffer.alloc(0), [member]: gzipSync(text) });
const compact = await compactTable(gzipSync(text));

/** Makes the wheel with its table compressed by deflate, as in real wheels. */
function packedWheel(): Buffer {
  const content = gzipSync(text);
  const stored = zipOf({ [member]: deflateRawSync(content) });
  const directory = stored.indexOf('PK\x01\x02', undefined, 'latin1');
  const checked = zipOf({ [member]: content });
  const crc = checked.indexOf('PK\x01\x02', undefined, 'latin1') + 16;
  stored.writeUInt16LE(8, directory + 10);
  checked.copy(stored, directory + 16, crc, crc + 4);
  stored.writeUInt32LE(content.length, directory + 24);
  return stored;
}

function found(table: ParaphraseTable): unknown {
  const ids = (words: string): number[] => words.split(' ').map((word) => table.wordId(word));
  return table.matches(ids('he has many a big ship here'), ids('he has a lot large big boat here'));
}

test('the table is read as it was made', () => {
  expect(found(new ParaphraseTable(compact))).toHaveLength(3);
  // The table may begin at any offset in memory.
  expect(found(new ParaphraseTable(Buffer.concat([Buffer.alloc(1), compact]).subarray(1)))).toHaveLength(3);
});

test('a packed file of an archive is unpacked, up to what its directory says', () => {
  const archive = packedWheel();
  expect(unzip(readZip(archive).get(member)!, 1e6).equals(gzipSync(text))).toBe(true);
  const bomb = Buffer.from(archive);
  const directory = bomb.indexOf('PK\x01\x02', undefined, 'latin1');
  bomb.writeUInt32LE(3, directory + 24);
  expect(() => unzip(readZip(bomb).get(member)!, 1e6)).toThrow('is damaged: it cannot be unpacked');
  bomb.writeUInt32LE(4e9, directory + 24);
  expect(() => unzip(readZip(bomb).get(member)!, 1e6)).toThrow('has 4000000000 bytes, more than 1000000');
});

test.each([
  ['three zero bytes', Buffer.alloc(3), /its sha256 is 709e80c8/],
  ['nothing', Buffer.alloc(0), /its sha256 is e3b0c442/],
  ['a wheel that was cut', wheel.subarray(0, 80), /its directory is missing; it was cut short/],
  ['a wheel whose directory was cut', wheel.subarray(0, -30), /its directory is missing/],
  ['four bytes of a wheel', wheel.subarray(0, 4), /its directory is missing/],
  ['another archive', zipOf({ 'a.txt': Buffer.from('a') }), /it is an archive without pycocoevalcap\/meteor/],
  ['a wheel of another table', wheel, /its sha256 is [0-9a-f]{64}, expected c147ac7d/],
  ['a packed wheel of another table', packedWheel(), /its sha256 is [0-9a-f]{64}, expected c147ac7d/],
  ['another table', gzipSync(text), /its sha256 is/],
])('fetch meteor --file with %s', async (_, bytes, reason) => {
  const folder = await temporaryFolder();
  const file = join(folder, 'given');
  await writeFile(file, bytes);
  const fetched = fetchMeteorTable({ cacheFolder: join(folder, 'cache'), file });
  await expect(fetched).rejects.toThrow(UsageError);
  await expect(fetched).rejects.toThrow(reason);
  await expect(fetched).rejects.toThrow(
    /^\S+given is not METEOR's .*; give paraphrase-en\.gz or the wheel of /,
  );
  expect(await readdir(folder)).toEqual(['given']);
});

test('a folder, a pipe, and a file that is not there', async () => {
  const folder = await temporaryFolder();
  await execa('mkfifo', [join(folder, 'pipe')]);
  const fetched = (file: string) => fetchMeteorTable({ cacheFolder: join(folder, 'cache'), file });
  await expect(fetched(folder)).rejects.toThrow(new UsageError(`${folder} is a folder, not a file.`));
  await expect(fetched(join(folder, 'pipe'))).rejects.toThrow(/pipe is a named pipe, not a file\.$/);
  await expect(fetched(join(folder, 'x'))).rejects.toThrow(
    new UsageError(`There is no file ${join(folder, 'x')}.`),
  );
});

test('the command line: exit code 2 and one line', async () => {
  const folder = await temporaryFolder();
  const file = join(folder, 'wheel.whl');
  await writeFile(file, wheel.subarray(0, 100));
  const { exitCode, stderr, stdout } = await execa(
    'node',
    [...commandLine, 'fetch', 'meteor', '--file', file],
    { cwd: projectRoot, reject: false, env: { DELTABENCH_CACHE: folder } },
  );
  expect([exitCode, stdout]).toEqual([2, '']);
  expect(stderr.split('\n').slice(1)).toEqual([
    expect.stringMatching(/^error: \S+ is not METEOR's .* cut short/),
  ]);
});

test('a pip that fails, and one that is not there, is one line without its passwords', async () => {
  const folder = await temporaryFolder();
  const fetched = () => fetchMeteorTable({ cacheFolder: join(folder, 'cache') });
  await mkdir(join(folder, 'bin'));
  const script =
    '#!/bin/sh\necho "trying" >&2\necho "ERROR: none at https://user:SECRET@index.example/?key=SECRET" >&2\nexit 1\n';
  await writeFile(join(folder, 'bin', 'python3'), script, { mode: 0o755 });
  vi.stubEnv('PATH', `${join(folder, 'bin')}:${process.env.PATH!}`);
  await expect(fetched()).rejects.toThrow(
    new UsageError(
      'python3 -m pip cannot bring pycocoevalcap==1.2: ERROR: none at https://index.example/. ' +
        'Get its wheel elsewhere and give it with --file.',
    ),
  );
  vi.stubEnv('PATH', join(folder, 'cache'));
  await expect(fetched()).rejects.toThrow(/^python3 -m pip cannot bring pycocoevalcap==1\.2: ENOENT\. /);
  expect(await readdir(join(folder, 'cache'))).toEqual([]);
  vi.unstubAllEnvs();
});

test('no changed bit of a kept table goes unnoticed', () => {
  for (let at = 0; at < compact.length; at++) {
    for (let bit = 0; bit < 8; bit++) {
      const changed = Buffer.from(compact);
      changed[at]! ^= 1 << bit;
      expect(() => new ParaphraseTable(changed)).toThrow(UsageError);
    }
  }
});

test('a kept table that is damaged, cut, of another version or without a hash is refused before a run', async () => {
  const cache = await temporaryFolder();
  vi.stubEnv('DELTABENCH_CACHE', cache);
  const file = join(cache, 'meteor-paraphrases-2.bin');
  expect(await loadParaphrases(cache)).toBeUndefined();
  await writeFile(join(cache, 'meteor-paraphrases-1.bin'), compact);
  await expect(loadParaphrases(cache)).rejects.toThrow(
    /before it had a hash: `fetch meteor` brings it again/,
  );
  await writeFile(file, compact);
  expect(found((await loadParaphrases(cache))!)).toHaveLength(3);
  const other = Buffer.from(compact);
  other[7] = '9'.charCodeAt(0);
  for (const [bytes, reason] of [
    [compact.subarray(0, -1), 'damaged: its sha256 differs'],
    [compact.subarray(0, 10), 'of another version'],
    [Buffer.alloc(0), 'of another version'],
    [other, 'of another version'],
  ] as const) {
    await writeFile(file, bytes);
    await expect(loadParaphrases(cache)).rejects.toThrow(UsageError);
    await expect(loadParaphrases(cache)).rejects.toThrow(reason);
    await expect(e2e.load({ kind: 'built-in' })).rejects.toThrow(reason);
  }
  await rm(file);
  await mkdir(file);
  await expect(loadParaphrases(cache)).rejects.toThrow(new UsageError(`${file} is a folder, not a file.`));
  vi.unstubAllEnvs();
});

test('damaged wheels', async () => {
  await readDamaged(fc.oneof(damagedBytes(wheel), damagedBytes(packedWheel())), (bytes) => {
    const entry = readZip(bytes).get(member);
    if (!entry) throw new UsageError('not there');
    return compactTable(unzip(entry, 1e6));
  });
});

test('damaged tables, packed or not', async () => {
  const damaged = fc.oneof(
    damagedBytes(gzipSync(text)),
    damagedBytes(Buffer.from(text)).map((bytes) => gzipSync(bytes)),
  );
  await readDamaged(damaged, async (bytes) => found(new ParaphraseTable(await compactTable(bytes))));
});

test('damaged kept tables, also with the hash of what they became', async () => {
  const damaged = damagedBytes(compact.subarray(40)).map((body) => {
    const hash = createHash('sha256').update(body).digest();
    return Buffer.concat([compact.subarray(0, 8), hash, body]);
  });
  await readDamaged(damaged, (bytes) => found(new ParaphraseTable(bytes)));
  const { accepted } = await readDamaged(damagedBytes(compact), (bytes) => {
    if (bytes.equals(compact)) throw new UsageError('not changed');
    return new ParaphraseTable(bytes);
  });
  expect(accepted).toBe(0);
});
