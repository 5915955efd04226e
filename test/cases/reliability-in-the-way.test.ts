// Regression test: a folder, pipe or socket in the place of a record gave a wrong message or an endless wait.
// Expected: one line says what lies there, with exit code 2 (a UsageError), or the run takes the next free
// name.
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it, onTestFinished, test } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readBytes } from '../../harness/support/read-files.ts';
import { hashFile } from '../../harness/support/hash.ts';
import { collectEvaluations, readEvaluation } from '../../harness/records/read-evaluations.ts';
import { lastJudgements } from '../../harness/records/read-judgements.ts';
import { WorkLog } from '../../harness/records/beside/work-log.ts';
import { collectRecords, readRows } from '../../harness/records/read-records.ts';
import { readRecord } from '../../harness/records/record-files.ts';
import { resultsStatus } from '../../harness/runs/cluster/status.ts';
import { tinyModel } from '../cli/bench.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { tinyRuns } from '../runs/tiny-run.ts';

const { folder, run } = await tinyRuns();
const cellsOf = (results: string): string => join(folder, results, 'e2e', tinyModel, 'red');

test.each([
  ['task', 'e2e'],
  ['model', join('e2e', tinyModel)],
  ['method', join('e2e', tinyModel, 'red')],
])("a plain file in the place of the %s's folder", async (name, path) => {
  const file = join(folder, name, path);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, 'x');
  await expect(run(name)).rejects.toThrow(
    new UsageError(
      `${file} is a file, and records need a folder there; move it away or use another --results.`,
    ),
  );
  expect(await readFile(file, 'utf8')).toBe('x');
});

test("a plain file in the place of an evaluation's folder", async () => {
  const file = join(await temporaryFolder(), 'evaluations');
  await writeFile(file, 'x');
  await expect(readEvaluation(join(file, 'base', 'none', 'arc.json'))).rejects.toThrow(
    `${file} is a file, and records need a folder there; move it away or use another --results.`,
  );
});

/** Kinds of things in a file's place: a name, and a function that makes it. */
const kinds: readonly [string, (path: string) => Promise<unknown>][] = [
  ['a folder', (path) => mkdir(path)],
  ['a named pipe', (path) => execa('mkfifo', [path])],
  [
    'a socket',
    async (path) => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(path, resolve));
      onTestFinished(() => void server.close());
    },
  ],
];

describe.skipIf(process.platform === 'win32').each(kinds)('%s', (kind, make) => {
  const results = kind.replaceAll(' ', '-');

  it('called as the record of an evaluation, its log or a judgement is named or passed over', async () => {
    const results = await temporaryFolder();
    const name = 'arc~12345678.json';
    for (const folder of ['evaluations', 'judgements']) {
      await mkdir(join(results, folder));
      await make(join(results, folder, name));
    }
    const path = join(results, 'evaluations', name);
    await expect(readEvaluation(path)).rejects.toThrow(new UsageError(`${path} is ${kind}, not a file.`));
    const { records, untrusted } = await collectEvaluations(results);
    expect([records.length, untrusted.length, (await lastJudgements(results)).size]).toEqual([0, 1, 0]);
    if (kind !== 'a named pipe') return;
    const record = join(results, 'evaluations', 'boolq~12345678.json');
    await make(record.replace('.json', '.work.jsonl'));
    const log = await WorkLog.open(record, 'identity', () => undefined);
    expect(log.pieces).toEqual([]);
    await log.close();
  });

  it('called as a record leaves the run the next free name', async () => {
    // Paths of sockets must be short.
    const place = join(await temporaryFolder(), 'seed-1.json');
    await make(place);
    expect(await readRecord(place)).toEqual({ reason: `it is ${kind}, not a file` });
    if (kind === 'a socket') return;
    await mkdir(cellsOf(results), { recursive: true });
    await make(join(cellsOf(results), 'seed-1.json'));
    const { outcomes, notes } = await run(results);
    expect(notes.join('\n')).toContain(
      `seed-1.json is not used and stays as it is: it is ${kind}, not a file.`,
    );
    expect(outcomes[0]!.path).toMatch(/seed-1~[0-9a-f]{8}\.json$/);
    const { records, untrusted } = await collectRecords(join(folder, results));
    expect(records).toHaveLength(1);
    expect(untrusted).toEqual([
      { path: `e2e/${tinyModel}/red/seed-1.json`, reason: `it is ${kind}, not a file` },
    ]);
  });

  it('called as a lock is named, by the run and by status', async () => {
    if (kind === 'a socket') return;
    const name = `${results}-lock`;
    await mkdir(cellsOf(name), { recursive: true });
    await make(join(cellsOf(name), 'seed-1.lock'));
    await expect(run(name)).rejects.toThrow(
      new UsageError(`${join(cellsOf(name), 'seed-1.lock')} is ${kind}, not a file.`),
    );
    const { untrusted } = await resultsStatus(join(folder, name));
    expect(untrusted).toEqual([
      { path: `e2e/${tinyModel}/red/seed-1.lock`, reason: `it is ${kind}, not a file` },
    ]);
  });

  it('called as a log is named by the report', async () => {
    const { outcomes } = await run('logs');
    const place = await temporaryFolder();
    const found = { path: 'seed-1.json', record: outcomes[0]!.record };
    await make(join(place, 'seed-1.steps.jsonl'));
    expect(await readRows(place, found, 'steps')).toEqual({
      path: 'seed-1.steps.jsonl',
      reason: 'it cannot be read as lines of JSON',
    });
  });

  it('is said wherever a file is read', async () => {
    const path = join(await temporaryFolder(), 'it');
    await make(path);
    await expect(readBytes(path)).rejects.toThrow(new UsageError(`${path} is ${kind}, not a file.`));
    await expect(hashFile(path)).rejects.toThrow(UsageError);
  });
});

test.skipIf(process.platform !== 'linux')('a device is no file, and a circle of links is said', async () => {
  await expect(readBytes('/dev/zero')).rejects.toThrow(new UsageError('/dev/zero is a device, not a file.'));
  const path = join(await temporaryFolder(), 'seed-1.json');
  await execa('ln', ['-s', path, path]);
  expect(await readRecord(path)).toEqual({
    reason: 'it cannot be read: its symbolic links lead in a circle',
  });
});

test('a file in the place of the working folder is left alone', async () => {
  await mkdir(cellsOf('work'), { recursive: true });
  await writeFile(join(cellsOf('work'), 'seed-1.work'), 'mine');
  await expect(run('work')).rejects.toThrow(/seed-1\.work: a file is in the way/);
  expect(await readdir(cellsOf('work'))).toEqual(['seed-1.work']);
});
