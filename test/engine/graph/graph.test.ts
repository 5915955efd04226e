/** Which nodes a program is recorded as, and what they compute. */
import type * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import { Graph } from '../../../harness/engine/graph/graph.ts';
import * as ops from '../../../harness/engine/ops.ts';
import { recordGraph } from '../../../harness/engine/graph/recorder.ts';
import { floats, numbers } from '../programs.ts';

type Inputs = Readonly<Record<'x' | 'y' | 'W' | 'V', tf.Tensor>>;

/** The operations, in order, of a program of a few matrices [4, 4]. */
function operations(program: (inputs: Inputs) => Readonly<Record<string, tf.Tensor>>): string[] {
  const { graph, outputs } = recordGraph((input) => {
    const matrix = (name: string): tf.Tensor => input(name, [4, 4], 'float32');
    return program({ x: matrix('x'), y: matrix('y'), W: matrix('W'), V: matrix('V') });
  });
  return graph.needed(outputs.map((o) => o.value)).map((node) => node.op);
}

test('common subexpressions are one node', () => {
  expect(operations(({ x, y }) => ({ out: x.add(y).exp().mul(x.add(y).exp()) }))).toEqual([
    'Add',
    'Exp',
    'Mul',
  ]);
  const options =
    (transposed: boolean) =>
    ({ x, W }: Inputs) => ({ a: x.matMul(W), b: x.matMul(W, false, transposed) });
  expect(operations(options(false))).toEqual(['Gemm']);
  expect(operations(options(true))).toEqual(['Gemm', 'Gemm']);
});

test('equal constants are one, but not zero and minus zero, nor numbers of two types', () => {
  const graph = new Graph();
  expect(graph.scalar(2)).toBe(graph.scalar(2));
  expect(graph.scalar(0)).not.toBe(graph.scalar(-0));
  expect(graph.scalar(2)).not.toBe(graph.constant(Int32Array.of(2), [], 'int32'));
  expect(graph.constant(Float32Array.of(1, 2), [2], 'float32')).not.toBe(
    graph.constant(Float32Array.of(1, 2), [1, 2], 'float32'),
  );
});

test('nodes that no output needs are left out', () => {
  const program = ({ x, y }: Inputs): Record<string, tf.Tensor> => {
    x.mul(y).exp().sum();
    return { out: x.add(y) };
  };
  expect(operations(program)).toEqual(['Add']);
});

test('what is known while recording is computed once, by the recorder', () => {
  const known = (): tf.Tensor => ops.exp(ops.ones([4]).mul(2)).sum();
  expect(operations(({ x }) => ({ out: x.mul(known()) }))).toEqual(['Mul']);
  const { outputs } = recordGraph(() => ({ out: known() }));
  expect(outputs[0]!.value.constant).toBeAllclose([4 * Math.exp(2)], { rtol: 1e-6 });
});

test('reshapes in a row are one, and one back to the start is none', () => {
  expect(operations(({ x }) => ({ out: x.reshape([2, 8]).reshape([16]) }))).toEqual(['Reshape']);
  expect(operations(({ x }) => ({ out: x.reshape([2, 8]).reshape([4, 4]) }))).toEqual([]);
});

test('no gradient is computed below the lowest trained tensor', () => {
  // There are two layers; training the upper one needs no gradient of the lower one's output.
  const step = (trained: 'W' | 'V') => (inputs: Inputs) =>
    ops.valueAndGradients(
      () => {
        const hidden = ops.geluTanh(ops.linear(inputs.x, inputs.W, undefined, false));
        return ops.linear(hidden, inputs.V, undefined, false).sum();
      },
      { [trained]: inputs[trained] },
    ).gradients;
  const forward = ({ x, W }: Inputs): Record<string, tf.Tensor> => ({ out: ops.geluTanh(x.matMul(W)) });
  const upper = operations(step('V'));
  // dV = gelu(x W)ᵀ dy adds one product to the forward pass; dy is a constant.
  expect(upper.filter((op) => op === 'Gemm')).toHaveLength(2);
  expect(upper.length).toBe(operations(forward).length + 1);
  expect(operations(step('W')).filter((op) => op === 'Gemm')).toHaveLength(3);
});

test('a fused operation computes no gradient for an operand that is not trained', () => {
  const step = (names: readonly ('x' | 'W')[]) => (inputs: Inputs) =>
    ops.valueAndGradients(
      () => ops.linear(inputs.x, inputs.W, undefined, false).square().sum(),
      Object.fromEntries(names.map((name) => [name, inputs[name]])),
    ).gradients;
  expect(operations(step(['x'])).filter((op) => op === 'Gemm')).toHaveLength(2);
  expect(operations(step(['x', 'W'])).filter((op) => op === 'Gemm')).toHaveLength(3);
});

test('the loss computes nothing as large as the logits but them and their softmax', () => {
  const { graph, outputs } = recordGraph((input) => {
    const W = input('W', [50, 4], 'float32');
    const h = input('h', [6, 4], 'float32');
    const { gradients } = ops.valueAndGradients(
      () => ops.headCrossEntropy(h, W, input('targets', [6], 'int32'), input('weights', [6], 'float32'), 0),
      { h },
    );
    return gradients;
  });
  const large = graph
    .needed(outputs.map((o) => o.value))
    .filter((node) => node.outputs.some((v) => v.shape.join() === '6,50'));
  expect(large.map((node) => node.op)).toEqual(['Gemm', 'Softmax']);
});

test('a graph for cores computes part by part and sums rows by a product; another does neither', () => {
  const operationsFor = (cores: boolean): string[] => {
    const program = (input: Parameters<Parameters<typeof recordGraph>[0]>[0]): Record<string, tf.Tensor> => {
      const x = input('x', [512, 512], 'float32');
      const [y] = ops.inParts([x], ([part]) => [part!.exp().sqrt()]);
      return { y: y!, columns: x.sum(0), rows: x.sum(1) };
    };
    const { graph, outputs } = recordGraph(program, { forCores: cores });
    return graph.needed(outputs.map((o) => o.value)).map((node) => node.op);
  };
  expect(operationsFor(true)).toEqual(['Reshape', 'Scan', 'Reshape', 'Gemm', 'Reshape', 'ReduceSum']);
  expect(operationsFor(false)).toEqual(['Exp', 'Sqrt', 'ReduceSum', 'ReduceSum']);
});

test('weights that lie in the session give what fed ones give', async () => {
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const frozen = engine.freeze({ W: floats([4, 4], 1) });
  const signature = {
    name: 'small',
    frozen,
    state: {},
    inputs: { x: { shape: [2, 4], dtype: 'float32' } },
  } as const;
  const results = await Promise.all(
    ([undefined, 'often'] as const).map(async (use) => {
      const program = await engine.compile({ ...signature, use }, (at) => ({
        outputs: { y: at.inputs.x!.matMul(at.frozen.W!), same: at.frozen.W! },
      }));
      return program.run(engine.state({}), { x: numbers([2, 4], 2) });
    }),
  );
  expect(results[1]).toEqual(results[0]);
  expect(results[0]!.same).toEqual(numbers([4, 4], 1));
});

test('a loop carries tensors while its condition holds, at most so many times', async () => {
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const frozen = engine.freeze({ W: { shape: [2, 2], data: Float32Array.of(0, 1, 1, 1) } });
  const state = engine.state({});
  const types = { x: { shape: [1, 2], dtype: 'float32' }, most: { shape: [], dtype: 'float32' } } as const;
  const run = async (x: number[], most: number): Promise<unknown> => {
    const program = await engine.compile({ name: 'fibonacci', frozen, state: {}, inputs: types }, (given) => {
      const { x, most } = given.inputs;
      const doubled = x!.add(x!);
      const [last, turns] = ops.loop(8, [x!, ops.zeros([1], 'int32')], (turn, [pair]) => {
        // The body reads values of the enclosing graph: a weight, a sum, an input.
        const next = pair!.matMul(given.frozen.W!).add(doubled.sub(x!.add(x!)));
        return {
          again: ops.less(next.sum(), most!),
          carried: [next, turn.add(ops.scalar(1, 'int32')).reshape([1])],
        };
      });
      return { outputs: { last: last!, turns: turns!, doubled } };
    });
    const out = await program.run(state, { x: Float32Array.from(x), most: Float32Array.of(most) });
    return [...out.last!, ...out.turns!, ...out.doubled!];
  };
  expect(await run([0, 1], 30)).toEqual([13, 21, 7, 0, 2]);
  expect(await run([0, 1], 1e9)).toEqual([21, 34, 8, 0, 2]);
  const changed = () =>
    recordGraph((input) => {
      const x = input('x', [2], 'float32');
      const [y] = ops.loop(2, [x], () => ({ again: ops.less(0, x.sum()), carried: [x.reshape([2, 1])] }));
      return { y: y! };
    });
  expect(changed).toThrow('Loop: bool [], float32 [2,1] does not go on from float32 [2]');
});
