/**
 * Runs every example with onnxruntime on the named device and prints the results as JSON. webgpu.test.ts
 * starts it as a process of its own, since a driver that fails may end its process.
 */
import * as ops from '../../harness/engine/ops.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { floats, fused, plain, runExample, type Results } from './programs.ts';

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

// Steps over a state and a frozen array of 1 MiB each. With `across` the state crosses to the host and back
// between steps; more steps than two must take no more memory.
const shape = [256, 1024];
const step = await engine.compile(
  {
    name: 'step',
    frozen: engine.freeze({ W: floats(shape, 2) }),
    state: { m: { shape, dtype: 'float32' }, w: { shape, dtype: 'float32' } },
    inputs: { rate: { shape: [], dtype: 'float32' } },
  },
  ({ frozen: { W }, state: { m, w }, inputs: { rate } }) => {
    const loss = w!.sub(W!).square().sum();
    const next = m!.mul(0.9).add(w!.sub(W!).mul(rate!));
    return { outputs: { loss }, state: { m: next, w: w!.sub(next) } };
  },
);
async function takeSteps(count: number, across: boolean) {
  const current = engine.state({ m: floats(shape, 3), w: floats(shape, 4) });
  current.clear(['m']);
  const losses: number[] = [];
  for (let i = 0; i < count; i++) {
    const { loss } = await step.run(current, { rate: Float32Array.of(0.1) });
    losses.push(loss![0]!);
    if (across) current.write(await current.read());
  }
  const { w } = await current.read(['w']);
  current.dispose();
  return { losses, w: Array.from(w!.subarray(0, 50)) };
}
const [staying, crossing] = [await takeSteps(20, false), await takeSteps(20, true)];
const before = process.memoryUsage().rss;
await takeSteps(300, false);
const grown = process.memoryUsage().rss - before;

process.stdout.write(
  JSON.stringify({ results, limit, broken: String(broken![0]), staying, crossing, grown }),
);
