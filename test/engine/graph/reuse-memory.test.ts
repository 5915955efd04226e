/** Which results may be written over the state that they replace. */
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import { writtenInPlace } from '../../../harness/engine/graph/reuse-memory.ts';
import * as ops from '../../../harness/engine/ops.ts';
import { recordGraph } from '../../../harness/engine/graph/recorder.ts';
import { numbers } from '../programs.ts';

/** The shape is cut into two parts. */
const SHAPE = [2, 2 ** 17];
type Inputs = Readonly<Record<'old' | 'x' | 'ids', tf.Tensor>>;
/** A program: the successor of `old`, and another output. */
type Step = (inputs: Inputs) => { next: tf.Tensor; other?: tf.Tensor };

/** Whether the program may write the successor over `old`. */
function inPlace(step: Step): boolean {
  const { graph, outputs } = recordGraph(
    (input) => {
      const [old, x] = [input('old', SHAPE, 'float32'), input('x', SHAPE, 'float32')];
      return { ...step({ old, x, ids: input('ids', [2], 'int32') }) };
    },
    { forCores: true },
  );
  const values = outputs.map(({ value }) => value);
  const old = graph.inputs.find(({ input }) => input === 'old')!;
  return writtenInPlace(graph.needed(values), [{ old, next: values[0]! }]).length === 1;
}
const rowsAt = (rows: tf.Tensor, ids: tf.Tensor): tf.Tensor => tf.unsortedSegmentSum(rows, ids.as1D(), 2);
const flat = (x: tf.Tensor): tf.Tensor => x.reshape([2 ** 18]);

test.each<[string, Step]>([
  ['a sum', ({ old, x }) => ({ next: old.add(x) })],
  ['read before', ({ old, x }) => ({ next: old.add(old.matMul(x, false, true).sum()) })],
  ['read before in another shape', ({ old, x }) => ({ next: old.sub(flat(old).sum()).add(x) })],
  ['copied before', ({ old }) => ({ next: old.add(ops.slice(old, [1, 0], [1, 2 ** 17])) })],
  ['rows added', ({ old, x, ids }) => ({ next: old.add(rowsAt(x, ids)) })],
  ['parts', ({ old, x }) => ({ next: ops.inParts([old, x], ([a, b]) => [a!.mul(2).sub(b!)])[0]! })],
])('a successor may lie where the old tensor lay: %s', (_, step) => {
  expect(inPlace(step)).toBe(true);
});

const twice: Step = ({ old, x }) => {
  const [next, other] = ops.inParts([old, x], ([a, b]) => [a!.add(b!), a!.mul(b!)]);
  return { next: next!, other: other! };
};
test.each<[string, Step]>([
  ['another output reads it', ({ old, x }) => ({ next: old.add(x), other: old.exp() })],
  ['another reads it in another shape', ({ old, x }) => ({ next: old.add(x), other: flat(old).exp() })],
  ['it is no operation element by element', ({ old }) => ({ next: ops.softmax(old) })],
  ['it is read twice', ({ old }) => ({ next: old.add(old) })],
  ['it is a constant', ({ old }) => ({ next: ops.ones(SHAPE), other: old.sum() })],
  ['it is another tensor', ({ old, x }) => ({ next: x, other: old.sum() })],
  ['its rows are what is added', ({ old, x, ids }) => ({ next: x.add(rowsAt(old, ids)) })],
  ['its parts are read after', twice],
  [
    'a part reads the whole',
    ({ old, x }) => ({ next: ops.inParts([old, x], ([a, b]) => [a!.add(b!).mul(old.sum())])[0]! }),
  ],
])('it may not where %s', (_, step) => {
  expect(inPlace(step)).toBe(false);
});

test('a program that writes in place gives what one that does not gives', async () => {
  const engine = await createEngine({ name: 'onnx', threads: 2 });
  const types = {
    old: { shape: SHAPE, dtype: 'float32' },
    moment: { shape: SHAPE, dtype: 'float32' },
  } as const;
  const x = numbers(SHAPE, 1);
  const results = [];
  for (const spoiled of [false, true]) {
    const program = await engine.compile(
      {
        name: 'step',
        frozen: engine.freeze({}),
        state: types,
        inputs: { x: { shape: SHAPE, dtype: 'float32' } },
      },
      ({ state: { old, moment }, inputs: { x } }) => {
        const pull = x!.mul(old!.mean());
        const [next, kept] = ops.inParts([old!, pull, moment!], ([p, g, m]) => {
          const kept = m!.mul(0.9).add(g!);
          return [p!.mul(0.99).sub(kept.mul(0.1)), kept];
        });
        // Because of another reader the old tensors must not be overwritten.
        const others = spoiled ? { old: old!.sum(), moment: moment!.sum() } : {};
        return { state: { old: next!, moment: kept! }, outputs: others };
      },
    );
    const state = engine.state({
      old: { shape: SHAPE, data: numbers(SHAPE, 2) },
      moment: { shape: SHAPE, data: numbers(SHAPE, 3) },
    });
    for (let i = 0; i < 3; i++) await program.run(state, { x });
    results.push(await state.read());
  }
  expect(results[0]).toEqual(results[1]);
});
