/** The program by which the gate measures time: steps are timed in runs of it, so that machines compare. */
import * as ops from '../../engine/ops.ts';
import type { Engine } from '../../engine/types.ts';
import { randomStream } from '../../support/numbers/random-stream.ts';

const [ROWS, WIDTH, INNER, LAYERS] = [512, 192, 768, 6];

/** Returns a function that runs a fixed program of products and activations and gives its milliseconds. */
export async function calibration(engine: Engine): Promise<() => Promise<number>> {
  const array = (name: string, rows: number, columns: number) => ({
    shape: [rows, columns],
    data: randomStream(0, name).normal(rows * columns, 0, 1 / Math.sqrt(rows)),
  });
  const frozen = engine.freeze({ up: array('up', WIDTH, INNER), down: array('down', INNER, WIDTH) });
  const state = engine.state({});
  const program = await engine.compile(
    {
      name: 'calibration',
      frozen,
      state: state.types,
      inputs: { x: { shape: [ROWS, WIDTH], dtype: 'float32' } },
    },
    ({ inputs, frozen: { up, down } }) => {
      let x = inputs.x!;
      for (let layer = 0; layer < LAYERS; layer++) {
        x = ops.softmax(ops.matMul(ops.tanh(ops.matMul(x, up!)), down!));
      }
      return { outputs: { sum: x.sum() } };
    },
  );
  const x = array('x', ROWS, WIDTH).data;
  return async () => {
    const start = performance.now();
    await program.run(state, { x });
    return performance.now() - start;
  };
}
