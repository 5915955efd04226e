/**
 * Runs one step of training on an engine and prints the device that the engine runs on. probe.ts starts it as
 * a process of its own, since a driver that fails may end its process.
 */
import { createEngine } from '../create.ts';
import { geluTanh, linear, valueAndGradients } from '../ops.ts';
import type { EngineName } from '../types.ts';

const [name, device] = process.argv.slice(2) as [EngineName, string];
const engine = await createEngine({ name, device, threads: 1 });
const matrix = { shape: [2, 2], data: Float32Array.of(1, -2, 3, 4) };
const state = engine.state({ W: matrix });
const inputs = { x: { shape: [2, 2], dtype: 'float32' } } as const;
const program = await engine.compile(
  { name: 'probe', frozen: engine.freeze({}), state: state.types, inputs },
  ({ state: { W }, inputs: { x } }) => {
    const { value, gradients } = valueAndGradients(() => geluTanh(linear(x!, W!, undefined, false)).sum(), {
      W: W!,
    });
    return { state: { W: W!.sub(gradients.W!) }, outputs: { value } };
  },
);
const { value } = await program.run(state, { x: matrix.data });
// x W = [−5 −10; 15 10], of which GELU leaves 15 and 10.
if (!(Math.abs(value![0]! - 25) < 1e-3)) throw new Error(`it computes ${value![0]!} where 25 is right`);
console.log(engine.device);
