/**
 * Trains through a chain of layers with one packed weight, which is read from the JSON of a PackedArray on
 * the command line, and prints by how many bytes the peak memory of this process grew.
 */
import { createEngine } from '../../harness/engine/create.ts';
import * as ops from '../../harness/engine/ops.ts';
import type { PackedArray } from '../../harness/engine/types.ts';

const [layers, rows] = [Number(process.argv[2]), 8];
const packed = JSON.parse(process.argv[3]!) as PackedArray;
const width = packed.packed.inputs;
const names = Array.from({ length: layers }, (_, i) => `W${i}`);

const engine = await createEngine({ name: 'onnx', threads: 1 });
const x = { shape: [rows, width], data: new Float32Array(rows * width).fill(0.5) };
const state = engine.state({ x });
const frozen = engine.freeze(Object.fromEntries(names.map((name) => [name, packed])));
const before = process.resourceUsage().maxRSS;
const program = await engine.compile({ name: 'chain', frozen, state: state.types, inputs: {} }, (given) => {
  const layer = (y: ops.Tensor, name: string): ops.Tensor =>
    ops.linear(ops.tanh(y), given.frozen[name]!, undefined, true);
  const loss = (): ops.Tensor => names.reduce(layer, given.state.x!).sum();
  const { gradients } = ops.valueAndGradients(loss, { x: given.state.x! });
  return { outputs: { gradient: gradients.x! } };
});
for (let run = 0; run < 3; run++) await program.run(state, {});
console.log((process.resourceUsage().maxRSS - before) * 1024);
