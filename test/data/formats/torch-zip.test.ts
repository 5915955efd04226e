// Tests of reading torch.save's files; where DELTABENCH_PYTHON names a Python with PyTorch, its files too.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { readPickle } from '../../../harness/data/formats/torch-pickle.ts';
import { parseTorchZip, readTorchZip } from '../../../harness/data/formats/torch-zip.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { pickle, pickledTensor, torchFile, zipOf } from './torch-archive.ts';

const { start, stop, raw, text, int, tuple, global } = pickle;
const matrix = { shape: [2, 3], data: [1, 2, 3, 4, 5, 6] };

it('reads tensors, also views of their storage', () => {
  const tensors = parseTorchZip(
    torchFile({
      a: matrix,
      transposed: { ...matrix, shape: [3, 2], strides: [1, 3] },
      row: { ...matrix, shape: [2], strides: [1], offset: 4 },
      scalar: { shape: [], data: [7] },
      empty: { shape: [0, 3], data: [] },
      repeated: { shape: [2, 1], strides: [0, 1], data: [8, 9] },
    }),
  );
  const found = [...tensors].map(([name, { shape, data }]) => [name, shape, [...data]]);
  expect(found).toEqual([
    ['a', [2, 3], [1, 2, 3, 4, 5, 6]],
    ['transposed', [3, 2], [1, 4, 2, 5, 3, 6]],
    ['row', [2], [5, 6]],
    ['scalar', [], [7]],
    ['empty', [0, 3], []],
    ['repeated', [2, 1], [8, 8]],
  ]);
});

const python = process.env.DELTABENCH_PYTHON;
it.skipIf(!python)('reads what torch.save writes', async () => {
  const path = join(await temporaryFolder(), 'saved.pt');
  const script = `
import sys, json, collections, torch
x = torch.arange(24, dtype=torch.float32).reshape(2, 3, 4) / 7
layer = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.LayerNorm(2))
state = layer.state_dict()
state["view"] = x.transpose(0, 2)[1:]
state["shared"] = x
state["half"] = x.half()
state["bfloat16"] = x.bfloat16()
state["parameter"] = torch.nn.Parameter(x[0])
state["scalar"] = torch.tensor(2.5)
torch.save(state, sys.argv[1])
print(json.dumps({k: [list(v.shape), v.detach().float().flatten().tolist()] for k, v in state.items()}))
`;
  const { stdout } = await execa(python!, ['-c', script, path]);
  const expected = JSON.parse(stdout) as Record<string, [number[], number[]]>;
  const tensors = await readTorchZip(path);
  expect([...tensors.keys()]).toEqual(Object.keys(expected));
  for (const [name, [shape, values]] of Object.entries(expected)) {
    expect(tensors.get(name)!.shape).toEqual(shape);
    expect([...tensors.get(name)!.data]).toEqual(values);
  }
});

/** Makes a file whose pickle has these bytes between its start and stop opcodes. */
const holding = (...parts: Buffer[]): Buffer =>
  zipOf({ 'archive/data.pkl': Buffer.concat([start, ...parts, stop]) });
const ofOne = (value: Buffer): Buffer => holding(raw('}('), text('a'), value, raw('u'));

describe('a file that is refused', () => {
  it.each([
    [
      'code',
      holding(global('os', 'system'), tuple(text('true')), raw('R')),
      'its pickle names "os.system", which is never run',
    ],
    [
      'built-in code',
      holding(global('builtins', 'eval'), tuple(text('1')), raw('R')),
      'names "builtins.eval"',
    ],
    ['an object of a class', holding(global('torch', 'FloatStorage'), raw(')\x81')), 'has the opcode 0x81'],
    ['an object with a state', holding(raw(')}b')), 'made to mislead'],
    [
      'a type called with other arguments',
      holding(global('collections', 'OrderedDict'), tuple(int(1)), raw('R')),
      'made to mislead',
    ],
    ['a storage type that is called', holding(global('torch', 'FloatStorage'), raw(')R')), 'made to mislead'],
    ['no dict', holding(text('a')), 'it holds a text, no dict of tensors'],
    ['a dict of other things', ofOne(int(3)), '"a" in it is a number, no tensor'],
    [
      'keys that are no names',
      holding(raw('}('), int(1), int(2), raw('u')),
      'its dict has a number for a key',
    ],
    [
      'another protocol',
      zipOf({ 'a/data.pkl': Buffer.from([0x80, 4, 0x2e]) }),
      'its pickle is of protocol 4',
    ],
    [
      'whole numbers',
      torchFile({ a: { ...matrix, type: 'LongStorage' } }),
      '"a" is a LongStorage; only float32, float16 and bfloat16',
    ],
    [
      'a lying count',
      torchFile({ a: { ...matrix, count: 60 } }),
      '"a" should have 60 numbers in data/0, which has 6',
    ],
    [
      'a view beyond its storage',
      torchFile({ a: { ...matrix, offset: 1 } }),
      '"a" [2, 3] reaches beyond its 6 numbers',
    ],
    [
      'a shape without end',
      torchFile({ a: { ...matrix, shape: [2 ** 30, 2 ** 30], strides: [0, 0] } }),
      'reaches beyond its 6 numbers',
    ],
    ['a negative offset', torchFile({ a: { ...matrix, offset: -1 } }), 'made to mislead'],
    ['missing values', ofOne(pickledTensor('5', matrix)), 'the values of "a" are missing (data/5)'],
    ['no pickle', zipOf({ 'archive/other': Buffer.alloc(1) }), 'it holds no data.pkl, or several'],
    [
      'two pickles',
      zipOf({ 'a/data.pkl': raw('x'), 'b/data.pkl': raw('x') }),
      'it holds no data.pkl, or several',
    ],
    [
      'big-endian numbers',
      zipOf({ 'a/data.pkl': raw('x'), 'a/byteorder': raw('big') }),
      'its numbers are big-endian',
    ],
    ['no archive', Buffer.from('not a zip archive, but long enough'), 'it is no zip archive'],
    ['nothing', Buffer.alloc(0), 'it is no zip archive'],
  ])('%s', (_, bytes, message) => {
    expect(() => parseTorchZip(bytes)).toThrow(message);
    expect(() => parseTorchZip(bytes)).toThrow(UsageError);
  });

  it('damaged', () => {
    const bytes = torchFile({ a: matrix });
    bytes.writeUInt8(1, bytes.indexOf(Buffer.from(Float32Array.of(3).buffer)));
    expect(() => parseTorchZip(bytes)).toThrow('"archive/data/0" is damaged: its checksum differs');
  });

  it('packed', () => {
    const bytes = torchFile({ a: matrix });
    bytes.writeUInt16LE(8, bytes.indexOf('PK\x01\x02', 'latin1') + 10);
    expect(() => parseTorchZip(bytes)).toThrow('is packed, which torch.save never does');
  });

  it('says which file it is', async () => {
    const path = join(await temporaryFolder(), 'delta_vector.pth');
    const whole = torchFile({ a: matrix });
    await writeFile(path, whole.subarray(0, 100));
    await expect(readTorchZip(path)).rejects.toThrow(
      `${path} is not a PyTorch file that can be read: its directory is missing`,
    );
    await expect(readTorchZip(join(path, 'x'))).rejects.toThrow('There is no file');
    await writeFile(path, whole);
    expect((await readTorchZip(path)).size).toBe(1);
    expect((await readFile(path)).equals(whole)).toBe(true);
  });
});

describe('whatever the bytes', () => {
  const whole = torchFile({ a: matrix, b: { ...matrix, shape: [3, 2], strides: [1, 3] } });
  /** Expects a result or a UsageError, and no tensor larger than the file. */
  const check = (read: () => Map<string, { shape: readonly number[] }>): void => {
    try {
      for (const { shape } of read().values()) expect(shape.reduce((p, n) => p * n, 1)).toBeLessThan(1000);
    } catch (error) {
      if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(UsageError);
    }
  };

  it('changed in some places or cut short, a file is read or refused', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { maxLength: 6 }),
        fc.nat(whole.length),
        fc.boolean(),
        (changes, length, cut) => {
          const bytes = Buffer.from(whole);
          for (const [at, value] of changes) bytes[at] = value;
          check(() => parseTorchZip(cut ? bytes.subarray(0, length) : bytes));
        },
      ),
      { numRuns: 2000 },
    );
  });

  it('any opcodes are a dict of tensors or refused', () => {
    const piece = fc.oneof(
      fc
        .constantFrom(...Buffer.from('(.}])tuQRbs0\x85\x86\x87\x88\x89N2', 'latin1'))
        .map((op) => Buffer.from([op])),
      fc.constantFrom('q', 'h', 'K').chain((op) => fc.nat(4).map((n) => Buffer.from([op.charCodeAt(0), n]))),
      fc.constantFrom(text('storage'), text('a'), int(0), int(6), int(-1)),
      fc.constantFrom(
        global('torch._utils', '_rebuild_tensor_v2'),
        global('torch._utils', '_rebuild_parameter'),
        global('collections', 'OrderedDict'),
        global('torch', 'FloatStorage'),
        global('os', 'system'),
      ),
      fc.constant(pickledTensor('0', matrix)),
      fc.uint8Array({ maxLength: 4 }).map((bytes) => Buffer.from(bytes)),
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
        const bytes = Buffer.concat([start, ...pieces, stop]);
        try {
          readPickle(bytes);
        } catch (error) {
          if (!(error instanceof RangeError)) expect(error).toBeInstanceOf(UsageError);
        }
      }),
      { numRuns: 5000 },
    );
  });
});
