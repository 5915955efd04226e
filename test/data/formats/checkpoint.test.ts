// Tests of reading checkpoints of one file and of shards, and of their refusals.
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../../harness/data/formats/checkpoint.ts';
import { UsageError } from '../../../harness/support/errors.ts';
import { writeSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const a = { shape: [2, 2], data: new Float32Array([1, 2, 3, 4]) };
const b = { shape: [3], data: new Float32Array([5, 6, 7]) };

async function sharded(weightMap: unknown): Promise<string> {
  const folder = await temporaryFolder();
  await writeSafetensors(join(folder, 'model-1.safetensors'), { a });
  await writeSafetensors(join(folder, 'model-2.safetensors'), { b }, {}, { dtype: 'F16' });
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
  return folder;
}

test('one file: names, shapes, values, places and hash', async () => {
  const folder = await temporaryFolder();
  const path = join(folder, 'model.safetensors');
  await writeSafetensors(path, { a, b });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.names).toEqual(['a', 'b']);
  expect(checkpoint.shape('a')).toEqual([2, 2]);
  expect(await checkpoint.read('b')).toEqual(b.data);
  const { file, offset, bytes, dtype } = checkpoint.location('b');
  expect([file, bytes, dtype]).toEqual([path, 12, 'F32']);
  const content = await readFile(path);
  expect(content.readFloatLE(offset)).toBe(5);
  expect(await checkpoint.hash()).toBe(createHash('sha256').update(content).digest('hex'));
});

test('shards, as the index lists them', async () => {
  const folder = await sharded({ a: 'model-1.safetensors', b: 'model-2.safetensors' });
  const checkpoint = await openCheckpoint(folder);
  expect(checkpoint.names).toEqual(['a', 'b']);
  expect(await checkpoint.read('a')).toEqual(a.data);
  expect(await checkpoint.read('b')).toEqual(b.data);
  expect(checkpoint.location('b')).toMatchObject({
    file: join(folder, 'model-2.safetensors'),
    dtype: 'F16',
    bytes: 6,
  });
  const before = await checkpoint.hash();
  expect(before).toMatch(/^[0-9a-f]{64}$/);
  await writeSafetensors(join(folder, 'model-1.safetensors'), { a: { ...a, data: new Float32Array(4) } });
  expect(await (await openCheckpoint(folder)).hash()).not.toBe(before);
});

describe('refused with a clear line', () => {
  test('an empty folder, and one with a pickle only', async () => {
    const folder = await temporaryFolder();
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /holds no checkpoint: looked for model\.safetensors and/,
    );
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    await expect(openCheckpoint(folder)).rejects.toThrow(
      /pytorch_model\.bin is a pickle, which can run code and is not read/,
    );
  });

  test('a file cut short', async () => {
    const folder = await temporaryFolder();
    await writeSafetensors(join(folder, 'model.safetensors'), { a });
    await truncate(join(folder, 'model.safetensors'), 80);
    await expect(openCheckpoint(folder)).rejects.toThrow(/it was cut short/);
  });

  test.each([
    ['../model-1.safetensors'],
    ['/etc/x.safetensors'],
    ['..\\x.safetensors'],
    ['.safetensors'],
    ['model-1.bin'],
    [7],
  ])('a shard called %j', async (shard) => {
    const opening = openCheckpoint(await sharded({ a: shard }));
    await expect(opening).rejects.toThrow(UsageError);
    await expect(opening).rejects.toThrow(/in the same folder/);
  });

  test('a missing shard, a tensor in the wrong shard, no map, no JSON', async () => {
    await expect(openCheckpoint(await sharded({ a: 'model-3.safetensors' }))).rejects.toThrow(
      /lacks the shard model-3/,
    );
    await expect(openCheckpoint(await sharded({ b: 'model-1.safetensors' }))).rejects.toThrow(
      /says that model-1\.safetensors holds "b"/,
    );
    await expect(openCheckpoint(await sharded(undefined))).rejects.toThrow(/has no weight_map/);
    const folder = await sharded({});
    await writeFile(join(folder, 'model.safetensors.index.json'), '{');
    await expect(openCheckpoint(folder)).rejects.toThrow(/is not JSON/);
  });

  test('a tensor that is not there', async () => {
    const folder = await temporaryFolder();
    await writeSafetensors(join(folder, 'model.safetensors'), { 'h.0.weight': a });
    const checkpoint = await openCheckpoint(folder);
    expect(() => checkpoint.shape('h.0.wieght')).toThrow(
      /no tensor "h\.0\.wieght"\. Did you mean "h\.0\.weight"\?/,
    );
    await expect(checkpoint.read('x')).rejects.toThrow(UsageError);
  });
});
