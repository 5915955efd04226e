/**
 * Runs every example with onnxruntime on the named device and prints the results as JSON. webgpu.test.ts
 * starts it as a process of its own, since a driver that fails may end its process.
 */
import * as ops from '../../harness/engine/ops.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { fused, plain, runExample, type Results } from './programs.ts';

const engine = await createEngine({ name: 'onnx', device: process.argv[2]!, threads: 1 });
const results: Record<string, Results> = {};
for (const example of [...plain, ...fused]) results[example.name] = await runExample(engine, example);

// The product has 13 GiB, more than the largest buffer of any adapter.
const inputs = { x: { shape: [60_000, 1], dtype: 'float32' } } as const;
const state = engine.state({});
const large = await engine.compile(
  { name: 'large', frozen: engine.freeze({}), state: state.types, inputs },
  ({ inputs: { x } }) => ({ outputs: { y: x!.mul(x!.reshape([1, 60_000])).sum() } }),
);
const limit = await large.run(state, { x: new Float32Array(60_000) }).then(() => 'none', String);

// The loss where one logit is NaN, neither the target's nor the first; it is printed as text, since JSON has
// no NaN.
const head = { h: { shape: [1, 2], dtype: 'float32' }, W: { shape: [9, 2], dtype: 'float32' } } as const;
const loss = await engine.compile(
  { name: 'loss', frozen: engine.freeze({}), state: {}, inputs: head },
  ({ inputs: { h, W } }) => ({
    outputs: { loss: ops.headCrossEntropy(h!, W!, ops.tensor([3], [1], 'int32'), ops.ones([1]), 0) },
  }),
);
const W = new Float32Array(18).fill(0.5);
W[10] = NaN;
const { loss: broken } = await loss.run(engine.state({}), { h: Float32Array.of(1, 2), W });
process.stdout.write(JSON.stringify({ results, limit, broken: String(broken![0]) }));
