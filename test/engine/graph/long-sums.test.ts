/** Sums, means and sums of squares of many nearly equal float32 values, against float64. */
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import * as ops from '../../../harness/engine/ops.ts';
import type { Shape } from '../../../harness/engine/types.ts';
import { numbers } from '../programs.ts';

const engine = await createEngine({ name: 'onnx', threads: 1 });
const x = (shape: Shape) => ({ shape, dtype: 'float32' }) as const;

/** The result of `reduce` in onnxruntime. */
async function computed(
  shape: Shape,
  data: Float32Array,
  reduce: (x: ops.Tensor) => ops.Tensor,
): Promise<Float32Array> {
  const [state, frozen] = [engine.state({}), engine.freeze({})];
  const program = await engine.compile(
    { name: 'long', frozen, state: {}, inputs: { x: x(shape) } },
    ({ inputs }) => ({ outputs: { y: reduce(inputs.x!) } }),
  );
  const { y } = await program.run(state, { x: data });
  await program.dispose();
  return y as Float32Array;
}
const worst = (actual: Float32Array, expected: ArrayLike<number>): number =>
  actual.reduce((most, y, i) => Math.max(most, Math.abs(y / expected[i]! - 1)), 0);

test.each([0.1, 1 / 3, 1.1])('a million values of %f sum to nearly all digits', async (value) => {
  const data = new Float32Array(1_000_000).fill(value);
  const exact = data[0]!;
  const shape = [data.length];
  expect(worst(await computed(shape, data, (x) => x.sum()), [1e6 * exact])).toBeLessThan(1e-6);
  expect(worst(await computed(shape, data, (x) => x.mean()), [exact])).toBeLessThan(1e-6);
  expect(worst(await computed(shape, data, ops.sumOfSquares), [1e6 * exact ** 2])).toBeLessThan(4e-6);
  expect(worst(await computed([1e5, 10], data, (x) => x.sum(0)), Array(10).fill(1e5 * exact))).toBeLessThan(
    1e-6,
  );
});

test('a long sum of any length, along any axis, is that of float64', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 4000, max: 20_000 }),
      fc.constantFrom<[number, number][]>([1, 1], [1, 3], [3, 1], [2, 2]),
      async (length, [lead, tail]) => {
        const shape = [lead, length, tail];
        const data = numbers(shape, length).map((x) => 0.7 + x / 100);
        const sums = new Float64Array(lead * tail);
        data.forEach((value, i) => (sums[Math.floor(i / (length * tail)) * tail + (i % tail)]! += value));
        const means = sums.map((sum) => sum / length);
        // A length that is a prime times a small number has no shorter stages than the prime, at most 4,096.
        expect(worst(await computed(shape, data, (x) => x.sum(1)), sums)).toBeLessThan(5e-5);
        expect(worst(await computed(shape, data, (x) => x.mean(1)), means)).toBeLessThan(5e-5);
      },
    ),
    { numRuns: 30, seed: 21 },
  );
});

test('the loss of many like targets is that of float64', async () => {
  // All hidden states [M, d] are equal, so that every target's loss is log V.
  const [rows, vocabulary] = [20_011, 7];
  const inputs = {
    h: x([rows, 1]),
    W: x([vocabulary, 1]),
    targets: { shape: [rows], dtype: 'int32' },
    weights: x([rows]),
  } as const;
  const program = await engine.compile(
    { name: 'loss', frozen: engine.freeze({}), state: {}, inputs },
    ({ inputs: { h, W, targets, weights } }) => ({
      outputs: { loss: ops.headCrossEntropy(h!, W!, targets!, weights!, 0) },
    }),
  );
  const { loss } = await program.run(engine.state({}), {
    h: new Float32Array(rows).fill(1),
    W: new Float32Array(vocabulary).fill(0.3),
    targets: new Int32Array(rows),
    weights: new Float32Array(rows).fill(1),
  });
  expect(loss![0]! / (rows * Math.log(vocabulary))).toBeCloseTo(1, 5);
  await program.dispose();
});
