/** All engines compute alike, refuse the same operands, and record what they can run. */
import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import * as ops from '../../harness/engine/ops.ts';
import { loadTensorflow } from '../../harness/engine/tfjs/load-tensorflow.ts';
import type {
  Engine,
  EngineName,
  Program,
  ProgramFunction,
  TensorTypes,
} from '../../harness/engine/types.ts';
import { floats, fused, plain, runExample } from './programs.ts';

const missing = await loadTensorflow().then(
  () => undefined,
  (error: unknown) => (error as Error).message,
);
const engines = new Map<EngineName, Engine>();
beforeAll(async () => {
  for (const name of ['js', 'onnx', ...(missing === undefined ? ['tensorflow' as const] : [])] as const) {
    engines.set(name, await createEngine({ name, threads: 1 }));
  }
});
const skipped = (name: EngineName): boolean => name === 'tensorflow' && missing !== undefined;

describe.each(['onnx', 'tensorflow'] as const)('%s computes what js computes', (name) => {
  for (const example of [...plain, ...fused]) {
    test.skipIf(skipped(name))(example.name, async () => {
      const expected = await runExample(engines.get('js')!, example);
      const actual = await runExample(engines.get(name)!, example);
      for (const part of ['outputs', 'state'] as const) {
        expect(Object.keys(actual[part]).sort()).toEqual(Object.keys(expected[part]).sort());
        for (const [key, values] of Object.entries(expected[part])) {
          expect(actual[part][key], key).toBeAllclose(values, { rtol: 2e-6, atol: 1e-6 });
        }
      }
    });
  }
});

test('the tensorflow engine says what it runs on', async ({ skip }) => {
  skip(missing !== undefined, missing);
  expect((await createEngine({ name: 'tensorflow' })).device).toMatch(/^[cg]pu$/);
  expect(tf.findBackend('tensorflow')).not.toBeNull();
});

const x = { shape: [2, 3], dtype: 'float32' } as const;
function compile(engine: Engine, program: ProgramFunction, state: TensorTypes = {}): Promise<Program> {
  return engine.compile({ name: 'small', frozen: engine.freeze({}), state, inputs: { x } }, program);
}

test.for(['js', 'onnx', 'tensorflow'] as const)(
  '%s clears and reads what is named',
  async (name, { skip }) => {
    skip(skipped(name), missing);
    const state = engines.get(name)!.state({ s: floats([2, 3], 1), t: floats([2], 2) });
    state.clear(['s']);
    expect(await state.read()).toEqual({ s: new Float32Array(6), t: floats([2], 2).data });
    expect(await state.read(['t'])).toEqual({ t: floats([2], 2).data });
  },
);

describe.each(['js', 'onnx', 'tensorflow'] as const)('%s refuses', (name) => {
  const refuses = (what: string, body: (engine: Engine) => Promise<void>): void => {
    test.skipIf(skipped(name))(what, () => body(engines.get(name)!));
  };
  const double: ProgramFunction = ({ inputs }) => ({ outputs: { y: inputs.x!.mul(2) } });

  refuses('inputs that do not fit the signature', async (engine) => {
    const program = await compile(engine, double);
    const state = engine.state({});
    await expect(program.run(state, {})).rejects.toThrow(new RangeError('program small lacks its input x'));
    await expect(program.run(state, { x: new Int32Array(6) })).rejects.toThrow(
      new RangeError('program small: x is int32, not float32'),
    );
    await expect(program.run(state, { x: new Float32Array(5) })).rejects.toThrow(
      new RangeError('x: 5 values for shape [2,3]'),
    );
    await expect(program.run(state, { x: new Float32Array(6) })).resolves.toHaveProperty('y');
  });

  refuses('a state of another shape than the program was given', async (engine) => {
    const grow: ProgramFunction = ({ state }) => ({ state: { s: state.s!.expandDims(0) }, outputs: {} });
    const state = engine.state({ s: floats([3], 1) });
    // Eager engines see the tensors that a program returns only when it runs.
    const run = compile(engine, grow, state.types).then((program) =>
      program.run(state, { x: new Float32Array(6) }),
    );
    await expect(run).rejects.toThrow(
      new RangeError('program small returns float32 [1,3] for state s, which is float32 [3]'),
    );
  });

  refuses('a state that the program was not given', async (engine) => {
    const invent: ProgramFunction = ({ inputs }) => ({ state: { t: inputs.x! }, outputs: {} });
    const run = compile(engine, invent).then((program) =>
      program.run(engine.state({}), { x: new Float32Array(6) }),
    );
    await expect(run).rejects.toThrow(
      new RangeError('program small returns state t, which it was not given'),
    );
  });

  refuses('values that do not fit the state', async (engine) => {
    const state = engine.state({ s: floats([3], 1) });
    expect(() => {
      state.write({ s: new Float32Array(4) });
    }).toThrow(new RangeError('s: 4 values for shape [3]'));
    expect(() => {
      state.write({ t: new Float32Array(3) });
    }).toThrow(new RangeError('the state has no tensor t'));
    expect(() => {
      state.clear(['s', 't']);
    }).toThrow(new RangeError('the state has no tensor t'));
    expect(() => engine.state({ s: { shape: [2], data: new Float32Array(3) } })).toThrow(RangeError);
    await expect(state.read(['t'])).rejects.toThrow(new RangeError('the state has no tensor t'));
  });

  refuses('random inputs that nobody draws', async (engine) => {
    const noisy: ProgramFunction = ({ random }) => ({
      outputs: { y: random({ kind: 'dropout', rate: 0.5, name: 'noise', shape: [2] }) },
    });
    const program = await compile(engine, noisy);
    await expect(program.run(engine.state({}), { x: new Float32Array(6) })).rejects.toThrow(
      'program small needs random numbers (noise) and none are drawn',
    );
  });
});

describe('engines are separate', () => {
  test.each([
    ['onnx', 'js'],
    ['js', 'onnx'],
  ] as const)('%s takes no arrays of %s', async (name, otherName) => {
    const [engine, other] = [engines.get(name)!, engines.get(otherName)!];
    const signature = { name: 'small', frozen: other.freeze({}), state: {}, inputs: {} };
    await expect(engine.compile(signature, () => ({ outputs: {} }))).rejects.toThrow(
      new TypeError('program small: its frozen arrays belong to another engine'),
    );
    const program = await compile(engine, ({ inputs }) => ({ outputs: { y: inputs.x! } }));
    await expect(program.run(other.state({}), { x: new Float32Array(6) })).rejects.toThrow(
      new TypeError('program small: its state belongs to another engine'),
    );
  });
});

test('onnx adds every row where several threads add to the same ones', async () => {
  const rows = 4096;
  const engine = await createEngine({ name: 'onnx', threads: 4 });
  const sums = await engine.compile(
    {
      name: 'sums',
      frozen: engine.freeze({}),
      state: { table: { shape: [2, 64], dtype: 'float32' } },
      inputs: { ids: { shape: [rows], dtype: 'int32' } },
    },
    ({ state: { table }, inputs: { ids } }) => ({
      outputs: ops.valueAndGradients(() => ops.gather(table!, ids!.as1D()).sum(), { table: table! })
        .gradients,
    }),
  );
  const state = engine.state({ table: { shape: [2, 64], data: new Float32Array(128) } });
  const ids = Int32Array.from({ length: rows }, (_, i) => i % 2);
  for (let i = 0; i < 20; i++)
    expect((await sums.run(state, { ids })).table).toEqual(new Float32Array(128).fill(rows / 2));
});

test('onnx sums into large buffers kept between runs as into new ones', async () => {
  const [words, width] = [70_000, 128];
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const signature = {
    frozen: engine.freeze({}),
    state: { table: { shape: [words, width], dtype: 'float32' } },
    inputs: { ids: { shape: [3], dtype: 'int32' } },
  } as const;
  const gradient: ProgramFunction = ({ state: { table }, inputs: { ids } }) => {
    const f = (): ops.Tensor => ops.gather(table!, ids!.as1D()).sum();
    const { gradients } = ops.valueAndGradients(f, { table: table! });
    return { outputs: { sums: gradients.table!.sum(1) } };
  };
  const [one, other] = await Promise.all(
    ['one', 'other'].map((name) => engine.compile({ ...signature, name }, gradient)),
  );
  const state = engine.state({ table: { shape: [words, width], data: new Float32Array(words * width) } });
  for (const [program, ids] of [
    [one!, [1, 2, 2]],
    [other!, [5, words - 1, 1]],
    [one!, [2, 0, 3]],
  ] as const) {
    const sums = new Float32Array(words);
    for (const id of ids) sums[id]! += width;
    expect((await program.run(state, { ids: Int32Array.from(ids) })).sums).toEqual(sums);
  }
});

test('onnx writes the logits of every program into one buffer', async () => {
  const [words, width] = [500, 16];
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const table = floats([words, width], 1);
  const frozen = engine.freeze({ W: table });
  const lossOf = (rows: number): [TensorTypes, ProgramFunction] => [
    {
      h: { shape: [rows, width], dtype: 'float32' },
      ids: { shape: [rows], dtype: 'int32' },
      weights: { shape: [rows], dtype: 'float32' },
    },
    ({ frozen: { W }, inputs: { h, ids, weights } }) => {
      const f = (): ops.Tensor => ops.headCrossEntropy(h!, W!, ids!, weights!, 0);
      const { value, gradients } = ops.valueAndGradients(f, { h: h! });
      return { outputs: { value, h: gradients.h! } };
    },
  ];
  const programs = await Promise.all(
    [3, 7].map((rows) => {
      const [inputs, program] = lossOf(rows);
      return engine.compile({ name: `${rows} rows`, frozen, state: {}, inputs }, program);
    }),
  );
  const js = engines.get('js')!;
  for (const [turn, rows] of [3, 7, 3, 7].entries()) {
    const ids = Int32Array.from({ length: rows }, (_, i) => (31 * (i + turn)) % words);
    const arrays = {
      h: floats([rows, width], 2 + turn).data,
      ids,
      weights: new Float32Array(rows).fill(0.5),
    };
    const [inputs, program] = lossOf(rows);
    const signature = { name: 'plain', frozen: js.freeze({ W: table }), state: {}, inputs };
    const plain = await js.compile(signature, program);
    const expected = await plain.run(js.state({}), arrays);
    const taken = process.memoryUsage().arrayBuffers;
    const out = await programs[rows === 3 ? 0 : 1]!.run(engine.state({}), arrays);
    if (turn > 1) expect(process.memoryUsage().arrayBuffers - taken).toBeLessThan(4 * rows * words);
    for (const key of ['value', 'h'])
      expect(out[key]!).toBeAllclose(expected[key]!, { rtol: 1e-5, atol: 1e-6 });
  }
});

describe('recording', () => {
  const record = (program: ProgramFunction): Promise<Program> => compile(engines.get('onnx')!, program);

  test('names an operation that it has no kernel for', async () => {
    await expect(record(({ inputs }) => ({ outputs: { y: tf.cumsum(inputs.x!, 1) } }))).rejects.toThrow(
      /Cumsum/,
    );
  });
  test.each<[string, ProgramFunction]>([
    [
      'Gemm: inner dimensions of [2,3] and [2,3] differ',
      ({ inputs: { x } }) => ({ outputs: { y: x!.matMul(x!) } }),
    ],
    [
      'Add: [2,3] and [2] do not broadcast',
      ({ inputs: { x } }) => ({ outputs: { y: x!.add(ops.ones([2])) } }),
    ],
    ['Gather', ({ inputs: { x } }) => ({ outputs: { y: ops.gather(x!, x!.as1D()) } })],
  ])('names the operation whose operands do not fit: %s', async (message, program) => {
    await expect(record(program)).rejects.toThrow(new RegExp(message.replaceAll(/[[\]]/g, '\\$&'), 'i'));
  });
  test('refuses to read a tensor', async () => {
    const read: ProgramFunction = ({ inputs }) => ({
      outputs: { y: inputs.x!.mul(inputs.x!.dataSync()[0]!) },
    });
    await expect(record(read)).rejects.toThrow('a program may not read tensors while it is recorded');
  });
  test('refuses one random input twice', async () => {
    const noise = { kind: 'dropout', rate: 0.5, name: 'noise', shape: [2] } as const;
    const twice: ProgramFunction = ({ random }) => ({ outputs: { y: random(noise).add(random(noise)) } });
    await expect(record(twice)).rejects.toThrow('program small declares the random input noise twice');
  });
  test('goes on after a program that failed, on the backend that was set', async () => {
    await tf.setBackend('cpu');
    const fail: ProgramFunction = () => {
      throw new Error('on purpose');
    };
    await expect(record(fail)).rejects.toThrow('on purpose');
    expect(tf.getBackend()).toBe('cpu');
    const program = await record(({ inputs }) => ({ outputs: { y: inputs.x!.neg() } }));
    const ones = new Float32Array(6).fill(1);
    expect(await program.run(engines.get('onnx')!.state({}), { x: ones })).toEqual({
      y: ones.map((v) => -v),
    });
  });
});
