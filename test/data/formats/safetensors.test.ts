// Tests of reading and writing safetensors files: number formats, rounding, damage.
import { mkdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { narrowToBfloats, narrowToHalves, widenHalves } from '../../../harness/support/numbers/float16.ts';
import { openSafetensors, writeSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { temporaryFolder } from '../../support/temporary.ts';

/** Writes a file with a header (an object, or text as it is) and data. */
async function fileWith(header: unknown, data = new Uint8Array(0), claimed?: bigint): Promise<string> {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  const path = join(await temporaryFolder(), 'x.safetensors');
  await writeFile(path, Buffer.concat([length, json, data]));
  return path;
}

const f32 = (begin: number, end: number, shape = [(end - begin) / 4]) => ({
  dtype: 'F32',
  shape,
  data_offsets: [begin, end],
});

describe('round trip', () => {
  const tensor = fc.array(fc.nat(4), { maxLength: 3 }).chain((shape) => {
    const length = shape.reduce((a, b) => a * b, 1);
    return fc.record({
      shape: fc.constant(shape),
      data: fc.float32Array({ minLength: length, maxLength: length }),
    });
  });

  test('F32 keeps every name, shape, bit and note', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'x.safetensors');
    const names = fc.oneof(
      fc.string({ unit: 'binary' }).filter((name) => name !== '__metadata__'),
      fc.constant('__proto__'),
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(names, tensor), { maxLength: 4 }),
        fc.dictionary(fc.string(), fc.string()),
        async (entries, metadata) => {
          const tensors = Object.fromEntries(entries);
          await writeSafetensors(path, tensors, metadata);
          const opened = await openSafetensors(path);
          expect([...opened.tensors.keys()].sort()).toEqual(Object.keys(tensors).sort());
          expect(Object.entries(opened.metadata).sort()).toEqual(Object.entries(metadata).sort());
          const bytes = await readFile(path);
          for (const [name, { shape, data }] of Object.entries(tensors)) {
            const info = opened.tensors.get(name)!;
            expect(info.shape).toEqual(shape);
            expect(info.begin % 4).toBe(0);
            const stored = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
            expect(bytes.subarray(info.begin, info.end).equals(stored)).toBe(true);
            expect(await opened.read(name)).toEqual(data);
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  test('F16 keeps every half', async () => {
    const path = join(await temporaryFolder(), 'x.safetensors');
    const bits = Uint16Array.from({ length: 65_536 }, (_, i) => i);
    const values = new Float32Array(65_536);
    widenHalves(bits, values);
    await writeSafetensors(path, { h: { shape: [65_536], data: values } }, {}, { dtype: 'F16' });
    const opened = await openSafetensors(path);
    expect(opened.tensors.get('h')?.dtype).toBe('F16');
    expect(await opened.read('h')).toEqual(values);
  });

  test('BF16 is read', async () => {
    const values = new Float32Array([1, -2.5, 0, Infinity, 2 ** -130]);
    const high = new Uint16Array(values.buffer).filter((_, i) => i % 2 === 1);
    const path = await fileWith(
      { b: { dtype: 'BF16', shape: [5], data_offsets: [0, 10] } },
      new Uint8Array(high.buffer),
    );
    expect(await (await openSafetensors(path)).read('b')).toEqual(values);
  });
});

test('narrowing to halves rounds to the nearest, ties to even', () => {
  const cases: [number, number][] = [
    [1 + 2 ** -11, 0x3c00],
    [1 + 3 * 2 ** -11, 0x3c02],
    [1 + 2 ** -11 + 2 ** -20, 0x3c01],
    [65_504, 0x7bff],
    [65_519, 0x7bff],
    [65_520, 0x7c00],
    [2 ** -25, 0],
    [1.5 * 2 ** -25, 1],
    [-(2 ** -24), 0x8001],
    [2 ** -14 - 2 ** -26, 0x0400],
    [NaN, 0x7e00],
  ];
  expect([...narrowToHalves(Float32Array.from(cases, ([x]) => x))]).toEqual(cases.map(([, bits]) => bits));
});

test('narrowing to bfloat16 rounds to the nearest, ties to even', () => {
  const cases: [number, number][] = [
    [1 + 2 ** -8, 0x3f80],
    [1 + 3 * 2 ** -8, 0x3f82],
    [1 + 2 ** -8 + 2 ** -20, 0x3f81],
    [-1 - 2 ** -8 - 2 ** -20, 0xbf81],
    [3.4e38, 0x7f80],
    [-Infinity, 0xff80],
    [2 ** -149, 0],
    [NaN, 0x7fc0],
  ];
  expect([...narrowToBfloats(Float32Array.from(cases, ([x]) => x))]).toEqual(cases.map(([, bits]) => bits));
});

describe('refused with a clear line', () => {
  const refusals: [string, string, () => Promise<string>][] = [
    ['a missing file', 'There is no file', async () => join(await temporaryFolder(), 'none')],
    ['a folder', 'is a folder, not a file', () => temporaryFolder()],
    [
      'an empty file',
      'it has 0 bytes',
      async () => {
        const path = join(await temporaryFolder(), 'empty');
        await writeFile(path, '');
        return path;
      },
    ],
    [
      'a header beyond the file',
      'its header claims 4000 bytes, but the file has',
      () => fileWith({}, undefined, 4000n),
    ],
    [
      'a header beyond the format',
      'its header claims 18446744073709551615 bytes (the format',
      () => fileWith({}, undefined, 2n ** 64n - 1n),
    ],
    [
      'a header shorter than said',
      'its header is not JSON',
      () => fileWith({ a: f32(0, 4) }, new Uint8Array(4), 9n),
    ],
    ['a header that is no object', 'not a JSON object', () => fileWith('[1]')],
    [
      'a header that is not UTF-8',
      'its header is not JSON',
      () => fileWith('', new Uint8Array([0xff, 0xfe]), 2n),
    ],
    [
      'metadata that is no text',
      '__metadata__ "n" is not a string',
      () => fileWith({ __metadata__: { n: 1 } }),
    ],
    [
      'an unknown type',
      'tensor "a" has the unknown type "F31"',
      () => fileWith({ a: { ...f32(0, 4), dtype: 'F31' } }, new Uint8Array(4)),
    ],
    [
      'a type of the prototype',
      'tensor "a" has the unknown type "toString"',
      () => fileWith({ a: { ...f32(0, 4), dtype: 'toString' } }, new Uint8Array(4)),
    ],
    ['a negative size', 'tensor "a" has a shape', () => fileWith({ a: f32(0, 4, [-1]) }, new Uint8Array(4))],
    ['a broken size', 'tensor "a" has a shape', () => fileWith({ a: f32(0, 4, [0.5]) }, new Uint8Array(4))],
    [
      'a huge size',
      'too large to be true',
      () => fileWith({ a: f32(0, 4, [2 ** 40, 2 ** 40]) }, new Uint8Array(4)),
    ],
    [
      'a shape that lies',
      'tensor "a" claims 4 bytes, but F32 [2] takes 8',
      () => fileWith({ a: f32(0, 4, [2]) }, new Uint8Array(4)),
    ],
    [
      'offsets in reverse',
      'tensor "a" claims -4 bytes',
      () => fileWith({ a: f32(4, 0, [1]) }, new Uint8Array(4)),
    ],
    [
      'three offsets',
      'data_offsets',
      () => fileWith({ a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, new Uint8Array(4)),
    ],
    [
      'an overlap',
      'tensor "b" begins at byte',
      () => fileWith({ a: f32(0, 8), b: f32(4, 12) }, new Uint8Array(12)),
    ],
    [
      'a hole',
      'tensor "b" begins at byte',
      () => fileWith({ a: f32(0, 4), b: f32(8, 12) }, new Uint8Array(12)),
    ],
    ['bytes of no tensor', 'but the file has', () => fileWith({ a: f32(0, 4) }, new Uint8Array(8))],
    ['a file cut short', 'it was cut short', () => fileWith({ a: f32(0, 8) }, new Uint8Array(7))],
  ];
  test.each(refusals)('%s', async (_, message, make) => {
    const path = await make();
    const error = await openSafetensors(path).then(
      () => undefined,
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(message);
    expect((error as Error).message).toContain(path);
  });

  test('a tensor that is not there, and one that is not of numbers', async () => {
    const path = await fileWith({ i: { dtype: 'I64', shape: [1], data_offsets: [0, 8] } }, new Uint8Array(8));
    const opened = await openSafetensors(path);
    await expect(opened.read('none')).rejects.toThrow('has no tensor "none"');
    await expect(opened.read('i')).rejects.toThrow('tensor "i" is I64; only F32, F16 and BF16');
  });

  test('a file cut after it was opened', async () => {
    const path = await fileWith({ a: f32(0, 8) }, new Uint8Array(8));
    const opened = await openSafetensors(path);
    await truncate(path, 60);
    await expect(opened.read('a')).rejects.toThrow('it was cut short');
  });

  test('whatever byte of a file is changed', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'x.safetensors');
    await writeSafetensors(
      path,
      {
        a: { shape: [2, 2], data: new Float32Array(4) },
        b: { shape: [], data: new Float32Array(1) },
      },
      { format: 'pt' },
    );
    const good = await readFile(path);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 3 }),
        fc.nat(good.length),
        async (changes, length) => {
          const bad = Buffer.from(good);
          for (const [at, value] of changes) bad[at] = value;
          await writeFile(path, length % 4 === 0 ? bad.subarray(0, length) : bad);
          try {
            const opened = await openSafetensors(path);
            for (const [name, { shape }] of opened.tensors) {
              expect((await opened.read(name)).length).toBe(shape.reduce((x, y) => x * y, 1));
            }
          } catch (error) {
            expect(error).toBeInstanceOf(UsageError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('writing refuses data that does not fit its shape, and leaves no file', async () => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'sub'));
  const path = join(folder, 'sub', 'x.safetensors');
  await expect(writeSafetensors(path, { a: { shape: [3], data: new Float32Array(2) } })).rejects.toThrow(
    'Tensor "a": shape [3] has 3 elements, its data 2.',
  );
  await expect(readFile(path)).rejects.toThrow('ENOENT');
});
