/** Products of half precision: which nodes they are, and how near float32's their results lie. */
import * as ort from 'onnxruntime-node';
import { describe, expect, test } from 'vitest';
import {
  narrowToBfloats,
  narrowToHalves,
  widenBfloats,
  widenHalves,
} from '../../harness/support/numbers/float16.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Graph } from '../../harness/engine/graph/graph.ts';
import type { Products } from '../../harness/engine/graph/target.ts';
import { encodeModel } from '../../harness/engine/graph/encode-onnx.ts';
import * as ops from '../../harness/engine/ops.ts';
import { recordGraph } from '../../harness/engine/graph/recorder.ts';
import { runInto } from '../../harness/engine/onnxruntime/run-into.js';
import type { NamedTensors, Precision } from '../../harness/engine/types.ts';
import { floats, fused, numbers, plain, runExample } from './programs.ts';

const halves = ['bfloat16', 'float16'] as const;

function rounded(data: Float32Array, precision: (typeof halves)[number]): Float32Array {
  const out = new Float32Array(data.length);
  if (precision === 'bfloat16') widenBfloats(narrowToBfloats(data), out);
  else widenHalves(narrowToHalves(data), out);
  return out;
}

describe.each(halves)('products in %s on the CPU', (precision) => {
  const round = (data: Float32Array): Float32Array => rounded(data, precision);

  test('are those of rounded operands, rounded', async () => {
    const engine = await createEngine({ name: 'onnx', threads: 1, precision });
    const [x, W, b] = [numbers([3, 5], 1), numbers([5, 4], 2), numbers([4], 3)];
    for (const use of [undefined, 'often'] as const) {
      const inputs = { x: { shape: [3, 5], dtype: 'float32' }, b: { shape: [4], dtype: 'float32' } } as const;
      const frozen = engine.freeze({ W: { shape: [5, 4], data: W } });
      const program = await engine.compile({ name: 'small', frozen, state: {}, inputs, use }, (at) => ({
        outputs: {
          y: ops.linear(at.inputs.x!, at.frozen.W!, at.inputs.b, false),
          exact: ops.inFloat32(() => at.inputs.x!.matMul(at.frozen.W!)),
        },
      }));
      const { y, exact } = await program.run(engine.state({}), { x, b });
      const product = (a: Float32Array, w: Float32Array, c?: Float32Array): Float32Array =>
        Float32Array.from({ length: 12 }, (_, i) => {
          const [row, column] = [Math.floor(i / 4), i % 4];
          return [0, 1, 2, 3, 4].reduce(
            (sum, k) => sum + a[row * 5 + k]! * w[k * 4 + column]!,
            c?.[column] ?? 0,
          );
        });
      expect([...y!]).toEqual([...round(product(round(x), round(W), round(b)))]);
      expect(exact).toBeAllclose(product(x, W), { atol: 1e-6 });
    }
  });

  // A few products that each round by at most 2⁻⁹ differ no more than this; a wrong gradient differs by its
  // own size.
  test.each([...plain, ...fused])('leave values and gradients near float32: $name', async (example) => {
    const [ours, exact] = await Promise.all(
      [precision, 'float32' as const].map(async (type) =>
        runExample(await createEngine({ name: 'onnx', threads: 1, precision: type }), example),
      ),
    );
    for (const part of ['outputs', 'state'] as const) {
      for (const [key, values] of Object.entries(exact![part])) {
        const largest = values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        expect(ours![part][key], key).toBeAllclose(values, { atol: 2 ** -5 * largest });
      }
    }
  });

  test('keep the gradient of a loss whose targets are nearly certain', async () => {
    const gradient = async (type: Precision): Promise<Float32Array> => {
      const engine = await createEngine({ name: 'onnx', threads: 1, precision: type });
      const W = numbers([6, 8], 1).map((x) => 1.75 * x);
      // Each row of h is its target's weight, so that the target's probability is nearly 1.
      const h = Float32Array.from(W.subarray(8, 32));
      const state = engine.state({ h: { shape: [3, 8], data: h } });
      const program = await engine.compile(
        {
          name: 'sure',
          frozen: engine.freeze({ W: { shape: [6, 8], data: W } }),
          state: state.types,
          inputs: {},
        },
        ({ frozen, state }) => {
          const targets = ops.tensor([1, 2, 3], [3], 'int32');
          const loss = (): ops.Tensor => ops.headCrossEntropy(state.h!, frozen.W!, targets, ops.ones([3]), 0);
          return { outputs: { dh: ops.valueAndGradients(loss, { h: state.h! }).gradients.h! } };
        },
      );
      return (await program.run(state, {})).dh as Float32Array;
    };
    const [ours, exact] = [await gradient(precision), await gradient('float32')];
    const norm = (data: Float32Array): number => Math.hypot(...data);
    const near = precision === 'bfloat16' ? 2 ** -5 : 2 ** -8;
    expect(norm(ours.map((x, i) => x - exact[i]!)) / norm(exact)).toBeLessThan(near);
  });
});

/** The operations of a program of x [2, 4], y [2, 4] and a frozen W [4, 4]. */
function operations(
  products: Products | undefined,
  program: (inputs: NamedTensors) => NamedTensors,
): { ops: string[]; graph: Graph; outputs: ReturnType<typeof recordGraph>['outputs'] } {
  const { graph, outputs } = recordGraph(
    (input) =>
      program({
        x: input('x', [2, 4], 'float32'),
        y: input('y', [2, 4], 'float32'),
        W: input('frozen/W', [4, 4], 'float32', { half: 'half/W' }),
      }),
    products && { products },
  );
  return { ops: graph.needed(outputs.map((o) => o.value)).map((node) => node.op), graph, outputs };
}

describe('a graph of half precision', () => {
  const native = { precision: 'float16', native: true } as const;

  test('casts an operand once, a frozen weight never, and a result where float32 wants it', () => {
    const twice = ({ x, W }: NamedTensors): NamedTensors => ({
      a: ops.linear(x!, W!, undefined, false),
      b: ops.linear(x!, W!, undefined, true).add(x!),
    });
    expect(operations(native, twice).ops).toEqual(['Cast', 'Gemm', 'Cast', 'Gemm', 'Cast', 'Add']);
    expect(operations({ ...native, native: false }, twice).ops.filter((op) => op === 'Cast')).toHaveLength(6);
    expect(operations(undefined, twice).ops).toEqual(['Gemm', 'Gemm', 'Add']);
  });

  test('moves results to the next product without a cast', () => {
    const chain = ({ x, W }: NamedTensors): NamedTensors => {
      const [a, b] = ops.split(ops.linear(x!, W!, undefined, false), 2, 1) as [ops.Tensor, ops.Tensor];
      const heads = (part: ops.Tensor): ops.Tensor => part.reshape([1, 2, 2]).transpose([0, 2, 1]);
      return { out: ops.matMul(heads(a), heads(b), false, true) };
    };
    const moves = ['Reshape', 'Transpose'];
    expect(operations(native, chain).ops).toEqual([
      'Cast',
      'Gemm',
      'Split',
      ...moves,
      ...moves,
      'FusedMatMul',
      'Cast',
    ]);
  });

  test('does not move in half precision what is not a product', () => {
    const kept = ({ x, W }: NamedTensors): NamedTensors => ({
      product: ops.linear(x!, W!, undefined, false),
      moved: x!.transpose(),
    });
    expect(operations(native, kept).ops).toEqual(['Cast', 'Gemm', 'Cast', 'Transpose']);
  });

  // onnxruntime's CPU multiplies halves as float32 and rounds only the last result of a chain of such
  // operations.
  test('computes on a device that multiplies halves what is computed here with rounding', async () => {
    const program = ({ x, y, W }: NamedTensors): NamedTensors => {
      const mixed = ops.attention(ops.linear(x!, W!, undefined, true), y!, y!, {
        batch: 1,
        heads: 2,
        scale: 0.5,
      });
      return { out: ops.valueAndGradients(() => mixed.mul(y!).sum(), { y: y! }).gradients.y!, mixed };
    };
    const W = numbers([4, 4], 1);
    const compute = async (products: Products): Promise<Record<string, ort.Tensor>> => {
      const { graph, outputs } = operations(products, program);
      const half = products.native ? narrowToHalves(W) : rounded(W, 'float16');
      const nodes = graph.needed(outputs.map((o) => o.value));
      const { model } = encodeModel({ nodes, outputs, initializers: new Map([['half/W', half]]) });
      const session = await ort.InferenceSession.create(model, { graphOptimizationLevel: 'basic' });
      const feed = (seed: number): ort.Tensor => new ort.Tensor('float32', numbers([2, 4], seed), [2, 4]);
      const results = { out: feed(4), mixed: feed(4) };
      await runInto(session, { x: feed(2), y: feed(3) }, results);
      return results;
    };
    const [theirs, ours] = [await compute(native), await compute({ ...native, native: false })];
    for (const name of ['out', 'mixed']) {
      expect(theirs[name]!.data as Float32Array).toBeAllclose(ours[name]!.data as Float32Array, {
        atol: 2 ** -10,
      });
    }
  });
});

test('what an engine has no products of is refused with the reason', async () => {
  await expect(createEngine({ name: 'js', precision: 'bfloat16' })).rejects.toThrow(
    'js computes in float32, the only floating-point type of tfjs; the engine onnx has bfloat16',
  );
  await expect(createEngine({ name: 'tensorflow', precision: 'float16' })).rejects.toThrow('only');
  await expect(createEngine({ name: 'onnx', device: 'webgpu', precision: 'bfloat16' })).rejects.toThrow(
    'WebGPU has no bfloat16; it has float16',
  );
});

test('choose takes one of two tensors', async () => {
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const example = {
    name: 'choose',
    inputs: { a: floats([2, 3], 1), b: floats([2, 3], 2) },
    program: ({ inputs: { a, b } }: { inputs: NamedTensors }) => ({
      outputs: {
        first: ops.choose(ops.less(a!.sum(), Infinity), a!, b!),
        second: ops.choose(ops.less(a!.sum().add(Infinity), Infinity), a!, b!),
      },
    }),
  };
  for (const each of [engine, await createEngine({ name: 'js' })]) {
    const { outputs } = await runExample(each, example);
    expect(outputs).toEqual({ first: [...example.inputs.a.data], second: [...example.inputs.b.data] });
  }
});
