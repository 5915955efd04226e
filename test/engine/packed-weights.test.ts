// Packed weights compute what their numbers compute: products, gradients, and the numbers themselves.
import { rmSync } from 'node:fs';
import { afterAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { FLOAT32 } from '../../harness/engine/graph/target.ts';
import { OnnxFrozen } from '../../harness/engine/onnxruntime/frozen.ts';
import * as ops from '../../harness/engine/ops.ts';
import type { Engine, FrozenArray, NamedArrays, Precision } from '../../harness/engine/types.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import { formats, packedPair, temporaryFolder } from './packed-files.ts';

const folder = temporaryFolder();
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const normal = (name: string, size: number): Float32Array => randomStream(7, name).normal(size, 0, 1);

interface Layer {
  readonly W: FrozenArray;
  readonly outputs: number;
  readonly inputs: number;
  /** Whether the weight is stored [outputs, inputs]. */
  readonly transposed: boolean;
  readonly use?: 'often';
}

/** A linear layer of three rows: result, gradients of input and bias, and the weight's numbers. */
async function computeLayer(engine: Engine, layer: Layer): Promise<NamedArrays> {
  const { W, outputs, inputs, transposed, use } = layer;
  const frozen = engine.freeze({ W });
  const state = engine.state({ b: { shape: [outputs], data: normal('b', outputs) } });
  const types = { x: { shape: [3, inputs], dtype: 'float32' } } as const;
  const program = await engine.compile(
    { name: 'layer', frozen, state: state.types, inputs: types, use },
    (x) => {
      const given = { x: x.inputs.x!, b: x.state.b! };
      const linear = (): ops.Tensor => ops.linear(given.x, x.frozen.W!, given.b, transposed);
      const { gradients } = ops.valueAndGradients(() => ops.sin(linear()).sum(), given);
      const numbers = ops.unpacked(x.frozen.W!, given.x);
      return { outputs: { y: linear(), dx: gradients.x!, db: gradients.b!, W: numbers } };
    },
  );
  const out = await program.run(state, { x: normal('x', 3 * inputs) });
  await program.dispose();
  frozen.dispose();
  return out;
}

const engineOf = (precision: Precision): Promise<Engine> =>
  createEngine({ name: 'onnx', threads: 1, precision });

describe('packed weights', () => {
  const sizes = [
    [8, 64],
    // Blocks that cross rows, and a last one that is short.
    [5, 36],
    [6, 10],
    [3, 7],
    [16, 16],
  ] as const;
  for (const format of formats) {
    for (const [outputs, inputs] of sizes) {
      for (const flipped of [false, true]) {
        const name = `${format.kind} [${outputs}, ${inputs}]${flipped ? ' flipped' : ''}`;
        it(`${name} computes what its numbers do`, async () => {
          const numbers = normal(name, outputs * inputs);
          const { packed, plain } = packedPair(folder, name, format, [outputs, inputs], numbers, flipped);
          const engine = await engineOf('float32');
          for (const use of [undefined, 'often'] as const) {
            const layer = { outputs, inputs, transposed: !flipped, ...(use && { use }) };
            const ours = await computeLayer(engine, { ...layer, W: packed });
            const theirs = await computeLayer(engine, { ...layer, W: plain });
            expect(ours.W).toEqual(theirs.W);
            for (const key of ['y', 'dx', 'db'])
              expect(ours[key], key).toBeAllclose(theirs[key]!, { atol: 3e-6 });
          }
        });
      }
    }
  }

  it('are rounded for products of half precision, as other weights are', async () => {
    const engine = await engineOf('bfloat16');
    for (const format of formats) {
      const numbers = normal('half', 8 * 64);
      const { packed, plain } = packedPair(folder, `half ${format.kind}`, format, [8, 64], numbers);
      const layer = { outputs: 8, inputs: 64, transposed: true };
      const ours = await computeLayer(engine, { ...layer, W: packed });
      const theirs = await computeLayer(engine, { ...layer, W: plain });
      for (const key of ['y', 'dx', 'db']) expect(ours[key], key).toEqual(theirs[key]);
    }
  });

  it('are read by no other operation', async () => {
    const engine = await engineOf('float32');
    const { packed } = packedPair(folder, 'other', formats[0]!, [8, 64], normal('other', 512));
    const signature = { name: 'other', frozen: engine.freeze({ W: packed }), state: {}, inputs: {} };
    const compiled = engine.compile(signature, (x) => ({ outputs: { y: x.frozen.W!.square() } }));
    await expect(compiled).rejects.toThrow('W is packed: only linear and unpacked read it');
  });

  it('are mapped from their file, beside which large arrays are fed', () => {
    const { packed } = packedPair(folder, 'mapped', formats[0]!, [8, 64], normal('mapped', 512));
    const partsBeside = (numbers: number): string[] => {
      const plain = { shape: [numbers], data: new Float32Array(numbers) };
      const frozen = new OnnxFrozen({ W: packed, E: plain }, FLOAT32);
      return [...frozen.initializers(['codes/W', 'frozen/E']).parts.keys()];
    };
    expect(partsBeside(8)).toEqual(['frozen/E', 'codes/W']);
    expect(partsBeside(2 ** 24 + 1)).toEqual(['codes/W']);
  });

  it('are unknown to the engines of tfjs', async () => {
    const engine = await createEngine({ name: 'js' });
    const { packed } = packedPair(folder, 'js', formats[0]!, [8, 64], normal('js', 512));
    expect(() => engine.freeze({ W: packed })).toThrow(
      'the engine js has no packed bases, whose files hold W',
    );
  });
});
