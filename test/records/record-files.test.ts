// Tests of writing and finding records: identities, damaged files and full disks.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { afterAll, expect, test } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { hashJson } from '../../harness/support/json/canonical-json.ts';
import { parseRecord } from '../../harness/records/record.ts';
import {
  checkWritable,
  findPlace,
  openWork,
  recordPath,
  workFolder,
  writeRecord,
} from '../../harness/records/record-files.ts';
import { sampleRecord, settings } from './sample-record.ts';

const root = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(root, { recursive: true }));

let count = 0;
const results = () => join(root, String(count++));
const address = { task: 'copy', model: 'org/tiny', variant: 'red~position=attn', seed: 42 };
const record = sampleRecord();

/** Writes a file at the path of the record. */
async function inTheWay(folder: string, text: string): Promise<string> {
  const path = recordPath(folder, address);
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
  return path;
}

test('a record comes back as it was written, and its working folder is gone', async () => {
  const folder = results();
  const { path } = await findPlace(folder, address, record.identity);
  expect(path).toBe(join(folder, 'copy', 'org--tiny', 'red~position=attn', 'seed-42.json'));
  await openWork(path, record.identity);
  await writeRecord(path, record);
  expect(await findPlace(folder, address, record.identity)).toEqual({ path, record, broken: [] });
  expect(await readdir(dirname(path))).toEqual(['seed-42.json']);
});

test('a record of another identity is never overwritten and never counts', async () => {
  const folder = results();
  const path = await inTheWay(folder, JSON.stringify(record));
  const other = sampleRecord({}, 43);
  const place = await findPlace(folder, address, other.identity);
  expect(place).toEqual({
    path: path.replace('.json', `~${other.identity.slice(0, 8)}.json`),
    record: undefined,
    broken: [],
  });
  await writeRecord(place.path, other);
  expect((await findPlace(folder, address, other.identity)).record).toEqual(other);
  expect((await findPlace(folder, address, record.identity)).record).toEqual(record);
  // The other record is found even after the first is removed.
  await rm(path);
  expect((await findPlace(folder, address, other.identity)).record).toEqual(other);
});

const text = JSON.stringify(record);
test.each([
  ['truncated', text.slice(0, 200), /not JSON; it was cut short/],
  ['empty', '', /not JSON/],
  ['of a foreign schema', text.replace('"schema":1', '"schema":7'), /its schema is 7, this version reads 1/],
  ['of no schema', '[]', /it is another file, without the schema that records have/],
  ['edited by hand', text.replace('"value":0.5', '"value":0.9'), /changed after it was written/],
  ['edited in its settings', text.replace('"seed":42', '"seed":43'), /changed after it was written/],
  ['incomplete', JSON.stringify({ ...record, metrics: undefined }), /^metrics: /],
])('a record that is %s is reported, not trusted, not lost', async (_, broken, reason) => {
  const folder = results();
  const path = await inTheWay(folder, broken);
  const place = await findPlace(folder, address, record.identity);
  expect(place.record).toBeUndefined();
  expect(place.broken).toEqual([{ path, reason: expect.stringMatching(reason) as string }]);
  await writeRecord(place.path, record);
  expect(await readFile(path, 'utf8')).toBe(broken);
  const again = await findPlace(folder, address, record.identity);
  expect(again.record).toEqual(record);
  expect(again.broken).toHaveLength(1);
});

test('a hand-made digest does not help: the identity must fit the settings, too', () => {
  const forged = sampleRecord({ settings: { ...settings, seed: 7 } });
  expect(parseRecord(JSON.stringify(forged))).toEqual({
    reason: 'its content does not fit its digest; it was changed after it was written',
  });
});

test("another cell's unfinished work keeps its place", async () => {
  const folder = results();
  const { path } = await findPlace(folder, address, record.identity);
  await openWork(path, record.identity);
  expect((await findPlace(folder, address, record.identity)).path).toBe(path);
  const other = hashJson({ other: true });
  expect((await findPlace(folder, address, other)).path).toBe(
    path.replace('.json', `~${other.slice(0, 8)}.json`),
  );
  expect(await readdir(workFolder(path))).toEqual(['identity']);
});

test('a folder that cannot be written is one clear line', async () => {
  const folder = results();
  await writeFile(folder, 'in the way');
  await expect(checkWritable(folder)).rejects.toThrow(
    new UsageError(`Cannot write ${folder}: a file is in the way; choose another path.`),
  );
  await expect(checkWritable(join(folder, 'below'))).rejects.toThrow(UsageError);
  await expect(checkWritable('/proc/deltabench')).rejects.toThrow(UsageError);
});

test('a full disk is one clear line, and nothing is half-written', async (context) => {
  const disk = results();
  await mkdir(disk);
  // A file system of 64 KiB, where mounting is permitted.
  const mounted = await execa('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', disk], { reject: false });
  if (mounted.failed) return context.skip('mounting a file system is not permitted here');
  try {
    const path = join(disk, 'seed-42.json');
    const large = sampleRecord({ method: { variant: 'red', label: 'x'.repeat(200_000) } });
    await expect(writeRecord(path, large)).rejects.toThrow(
      new UsageError(`Cannot write ${path}: the disk is full; free some space or choose another folder.`),
    );
    expect(await readdir(disk)).toEqual([]);
  } finally {
    await execa('umount', [disk]);
  }
});
