// Tests Fastfood in programs against the same projection in float64, for short and long tensors.
import { expect, test } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Random } from '../../harness/models/edits.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import { fastfood, fastfoodOnHost, fastfoodTensors } from '../../methods/shared/fastfood.ts';

type Arrays = Record<string, { shape: readonly number[]; data: Float32Array }>;

/** The frozen tensors of the projection; `inParts` keeps places as those of more than 2²⁴ numbers are. */
async function tensorsOf(n: number, d: number, inParts: boolean): Promise<Arrays> {
  const specs = Object.entries(fastfoodTensors('w', n, d, 7));
  const made = specs.map(async ([name, { shape, init }]) => {
    const data = await init({} as Random, {} as BaseModel);
    if (!inParts || !/order|inverse/.test(name)) return [name, { shape, data }] as const;
    const parts = Float32Array.from([
      ...data.map((place) => Math.floor(place / 4096)),
      ...data.map((p) => p % 4096),
    ]);
    return [name, { shape: [2, data.length], data: parts }] as const;
  });
  return Object.fromEntries(await Promise.all(made));
}

test.each([
  ['a tensor longer than v', 5000, 37, false],
  ['places in two parts', 5000, 37, true],
  ['a tensor shorter than v, which is cut', 20, 37, false],
  ['a single number', 1, 37, false],
])('%s', async (_, n, d, inParts) => {
  const v = randomStream(3, 'v').normal(d, 0, 1);
  const expected = fastfoodOnHost(v, 'w', n, 7);
  for (const name of ['onnx', 'js'] as const) {
    const engine = await createEngine({ name, threads: 1 });
    const frozen = engine.freeze(await tensorsOf(n, d, inParts));
    const inputs = { v: { shape: [d], dtype: 'float32' as const } };
    const program = await engine.compile({ name: 'fastfood', frozen, state: {}, inputs }, (x) => ({
      outputs: { y: fastfood(x.inputs.v!, 'w', x.frozen, n) },
    }));
    const { y } = await program.run(engine.state({}), { v });
    expect(y as Float32Array, name).toBeAllclose(expected, {
      atol: 1e-5 * Math.max(...expected.map(Math.abs)),
    });
    await program.dispose();
    frozen.dispose();
  }
});
