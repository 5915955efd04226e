/** Results are written into the caller's tensors without copies. */
import { expect, test } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';

test('a run copies neither its state nor its outputs', async () => {
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const size = 2 ** 22;
  const type = { shape: [size], dtype: 'float32' } as const;
  const [frozen, state] = [
    engine.freeze({}),
    engine.state({ s: { shape: [size], data: new Float32Array(size) } }),
  ];
  const program = await engine.compile({ name: 'count', frozen, state: { s: type }, inputs: {} }, (x) => {
    const s = x.state.s!.add(1);
    return { state: { s }, outputs: { sum: s.sum(), all: s.mul(2) } };
  });
  const before = process.memoryUsage().arrayBuffers;
  const { sum, all } = await program.run(state, {});
  const taken = process.memoryUsage().arrayBuffers - before;
  expect(sum).toEqual(Float32Array.of(size));
  expect(all!.every((x) => x === 2)).toBe(true);
  expect((await state.read()).s!.every((x) => x === 1)).toBe(true);
  // The run allocates only the output that its caller reads.
  expect(taken).toBeLessThan(1.1 * all!.byteLength);
});
