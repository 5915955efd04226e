// Tests of TensorBoard's event files: checksums, and what TensorBoard itself reads where it is there.
import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { crc32c, scalarRecord, startRecord, versionRecord } from '../../harness/records/event-file.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));

test('the checksum is that of RFC 3720', () => {
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283);
});

test('the first record says the version, as TensorFlow writes it', () => {
  const record = versionRecord(0);
  // A length of 26: time (9), step (2), and the version (15).
  expect(record.readBigUInt64LE()).toBe(26n);
  expect(record.subarray(12, 38).toString('latin1')).toContain('brain.Event:2');
  expect(record).toHaveLength(8 + 4 + 26 + 4);
});

const python = process.env.DELTABENCH_PYTHON ?? 'python3';
const hasTensorboard = spawnSync(python, ['-c', 'import tensorboard']).status === 0;
test.skipIf(!hasTensorboard)(
  'TensorBoard reads the scalars, and forgets what a resumed run repeats',
  async () => {
    const records = [
      versionRecord(1000),
      startRecord(1000, 1),
      ...[1, 2, 3].map((step) => scalarRecord(1500, { tag: 'train/loss', step, value: step / 8 })),
      startRecord(2000, 3),
      scalarRecord(2500, { tag: 'train/loss', step: 3, value: 7 }),
      scalarRecord(2500, { tag: 'train/loss', step: 300, value: 0.1 }),
    ];
    await writeFile(join(folder, 'events.out.tfevents.1.deltabench'), Buffer.concat(records));
    const read = spawnSync(python, [
      '-c',
      'import json, sys\n' +
        'from tensorboard.backend.event_processing.event_accumulator import EventAccumulator\n' +
        'events = EventAccumulator(sys.argv[1]).Reload()\n' +
        'print(json.dumps([[e.wall_time, e.step, e.value] for e in events.Scalars("train/loss")]))',
      folder,
    ]);
    expect(read.status, read.stderr.toString()).toBe(0);
    expect(JSON.parse(read.stdout.toString())).toEqual([
      [1.5, 1, 0.125],
      [1.5, 2, 0.25],
      [2.5, 3, 7],
      [2.5, 300, Math.fround(0.1)],
    ]);
  },
);
