// Tests of the lock on files that processes share: owners, heartbeats, take-overs.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, rm, stat, utimes, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { beforeEach, expect, test } from 'vitest';
import {
  heartbeat,
  LostLock,
  readLock,
  tryLock,
  type Lock,
  type Owner,
} from '../../../harness/records/locks/file-lock.ts';
import { temporaryFolder } from '../../support/temporary.ts';

let path: string;
beforeEach(async () => {
  path = join(await temporaryFolder(), 'seed-1.lock');
});

/** Gives the JSON of an owner: this process, with some fields changed. */
async function ownerWith(changes: Partial<Owner>): Promise<string> {
  const lock = await tryLock(path);
  const owner = JSON.parse(await readFile(path, 'utf8')) as Owner;
  await lock!.release();
  return JSON.stringify({ ...owner, ...changes });
}

const old = async (seconds: number): Promise<void> => {
  const time = Date.now() / 1000 - seconds;
  await utimes(path, time, time);
};

test('one holds it, and whoever comes next after its release', async () => {
  const first = await tryLock(path);
  expect(first).toBeDefined();
  expect(await tryLock(path)).toBeUndefined();
  expect(await readLock(path)).toMatchObject({ owner: { pid: process.pid }, isAlive: true });
  expect(await first!.isHeld()).toBe(true);
  await first!.release();
  expect(await readLock(path)).toBeUndefined();
  const second = await tryLock(path);
  expect(second).toBeDefined();
  // The lock has a new owner now, which a second release must not affect.
  await first!.release();
  expect(await second!.isHeld()).toBe(true);
  await second!.release();
});

test('the lock of a process that is gone is taken over, that of one with its pid again too', async () => {
  const child = spawn('true');
  await once(child, 'exit');
  for (const changes of [{ pid: child.pid! }, { processStarted: '1' }]) {
    await writeFile(path, await ownerWith(changes));
    expect(await readLock(path)).toMatchObject({ isAlive: false });
    const lock = await tryLock(path);
    expect(await lock?.isHeld()).toBe(true);
    await lock!.release();
  }
});

test('an owner elsewhere, or one that cannot be read, lives as long as its heartbeat', async () => {
  for (const text of [await ownerWith({ machine: 'another', host: 'far' }), '', '{"host":', '[]']) {
    await writeFile(path, text);
    await old(heartbeat.dead - 30);
    expect(await tryLock(path)).toBeUndefined();
    await old(heartbeat.dead + 30);
    const lock = await tryLock(path);
    expect(await lock?.isHeld()).toBe(true);
    await lock!.release();
  }
});

test('of many who find a dead owner exactly one takes over, time and again', async () => {
  const dead = await ownerWith({ processStarted: '1' });
  for (let round = 0; round < 20; round++) {
    await writeFile(path, dead);
    const locks = await Promise.all(Array.from({ length: 8 }, () => tryLock(path)));
    const held = locks.filter((lock): lock is Lock => lock !== undefined);
    expect(held).toHaveLength(1);
    expect(await held[0]!.isHeld()).toBe(true);
    await held[0]!.release();
    expect(await readdir(join(path, '..'))).toEqual([]);
  }
});

test('who took over and died before it was done is taken over as well', async () => {
  const { sha256 } = await import('../../../harness/support/hash.ts');
  const dead = await ownerWith({ processStarted: '1' });
  await writeFile(path, dead);
  await writeFile(`${path}.${sha256(dead).slice(0, 16)}`, dead);
  const lock = await tryLock(path);
  expect(await lock?.isHeld()).toBe(true);
  await lock!.release();
});

test('what a killed take-over left behind goes with the lock', async () => {
  const lock = await tryLock(path);
  await writeFile(`${path}.0123456789abcdef`, '{}');
  await writeFile(join(dirname(path), `.${basename(path)}.c0ffee.tmp`), '{}');
  await writeFile(join(dirname(path), 'seed-1.json'), '{}');
  await lock!.release();
  expect(await readdir(dirname(path))).toEqual(['seed-1.json']);
});

test('a lock that another has taken lets nothing be written, and one that is held does', async () => {
  const lock = await tryLock(path);
  await lock!.check();
  await writeFile(path, '{}');
  await expect(lock!.check()).rejects.toThrow(LostLock);
  await lock!.release();
  expect(await readFile(path, 'utf8')).toBe('{}');
});

test('the heartbeat sets the time of its own lock, and reports one that another took or removed', async () => {
  const program = new URL('../../../harness/records/locks/lock-heartbeat.js', import.meta.url);
  const start = (): Worker => new Worker(program, { workerData: { path, text: 'mine', every: 0.01 } });
  await writeFile(path, 'mine');
  await old(60);
  const left = await stat(path);
  const heart = start();
  while ((await stat(path)).mtimeMs === left.mtimeMs) await setTimeout(5);
  expect(await readFile(path, 'utf8')).toBe('mine');
  await writeFile(path, "another's");
  await once(heart, 'message');
  expect(await readFile(path, 'utf8')).toBe("another's");
  await heart.terminate();

  await rm(path);
  const late = start();
  await once(late, 'message');
  await late.terminate();
  expect(await readdir(dirname(path))).toEqual([]);
});

test('reading a lock writes nothing beside it', async () => {
  await writeFile(path, await ownerWith({ machine: 'another' }));
  const before = await stat(dirname(path));
  await readLock(path);
  expect((await stat(dirname(path))).mtimeMs).toBe(before.mtimeMs);
});
