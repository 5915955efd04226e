/**
 * State and frozen weights in a device's memory: the same path that CUDA takes, tried on the CPU provider
 * against sessions of onnxruntime-node.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createOnnxEngine } from '../../../harness/engine/onnxruntime/engine.ts';
import { loadNative, type Native } from '../../../harness/engine/onnxruntime/device/native.ts';
import * as ops from '../../../harness/engine/ops.ts';
import { buildDeviceBinding } from '../../../harness/engine/setup/build-device-binding.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import full from '../../../methods/full.ts';
import lora from '../../../methods/lora.ts';
import red from '../../../methods/red.ts';
import { formats, packedPair } from '../packed-files.ts';
import { floats, fused, plain, runExample } from '../programs.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const file = join(folder, 'deltabench.node');
const missing = await buildDeviceBinding(file).then(
  () => undefined,
  (error: unknown) => (error as Error).message,
);

const options = { device: 'cpu', threads: 1, precision: 'float32', recompute: false } as const;
let native: Native;
let onDevice: Engine;
/** With inputs and outputs at fixed places, as CUDA graphs need them; the CPU provider captures nothing. */
let captured: Engine;
let onHost: Engine;
let base: BaseModel;
beforeAll(async () => {
  if (missing !== undefined) return;
  native = loadNative(file)!;
  onDevice = createOnnxEngine({ ...options, native });
  captured = createOnnxEngine({ ...options, native, captures: true });
  onHost = createOnnxEngine(options);
  base = await loadBase('random-gpt2~layers=2,width=16,heads=2,vocab=60,positions=32');
});

const examples = (count: number, seed: number) =>
  Array.from({ length: count }, (_, i) => {
    const ids = Array.from(randomStream(seed, `example ${i}`).integers(14, 60));
    return { prompt: ids.slice(0, 3 + (i % 4)), target: ids.slice(7, 9 + (i % 5)) };
  });

describe.skipIf(missing !== undefined)('on a device', () => {
  for (const example of [...plain, ...fused]) {
    test(`${example.name} is computed as on the host`, async () => {
      const expected = await runExample(onHost, example);
      expect(await runExample(onDevice, example)).toEqual(expected);
      expect(await runExample(captured, example)).toEqual(expected);
    });
  }

  // Micro-batches add gradients to the state and then replace it, so that its tensors are not exchanged together.
  test.each([
    ['RED', red, {}],
    ['LoRA with dropout in micro-batches', lora, { dropout: 0.1 }],
    ['full fine-tuning in micro-batches', full, {}],
  ] as const)('%s trains to the same bits', async (name, method, given) => {
    const delta = method.attach(base, method.options.parse(given) as never);
    const recipe = {
      batchSize: 6,
      maxSteps: 9,
      learningRate: 1e-2,
      ...(name.includes('micro') && { microBatch: 4 }),
    };
    const trained = (engine: Engine) =>
      train({
        engine,
        base,
        delta,
        seed: 7,
        folder: undefined,
        objective: languageModel(base.architecture, 0),
        train: examples(24, 1),
        validation: examples(8, 2),
        recipe: recipeSchema.parse(recipe),
      });
    const host = await trained(onHost);
    for (const engine of [onDevice, captured]) {
      const device = await trained(engine);
      expect(device.log.map(({ loss }) => loss)).toEqual(host.log.map(({ loss }) => loss));
      expect(device.tensors).toEqual(host.tensors);
    }
  });

  test('several runs at once each have a state of their own', async () => {
    const expected = await runMany(onHost);
    expect(await runMany(onDevice)).toEqual(expected);
    expect(await runMany(captured)).toEqual(expected);
  });

  test('packed weights are mapped from their file', async () => {
    const { packed: W } = packedPair(folder, 'W', formats[0]!, [8, 64], floats([8, 64], 1).data);
    const x = { shape: [3, 64], dtype: 'float32' } as const;
    const product = async (engine: Engine) => {
      const program = await engine.compile(
        { name: 'product', frozen: engine.freeze({ W }), state: {}, inputs: { x } },
        ({ frozen, inputs }) => ({ outputs: { y: ops.linear(inputs.x!, frozen.W!, undefined, true) } }),
      );
      return program.run(engine.state({}), { x: floats([3, 64], 2).data });
    };
    expect(await product(onDevice)).toEqual(await product(onHost));
  });

  test('ten thousand steps take no more memory', async () => {
    const size = 2 ** 10;
    const state = onDevice.state({ s: floats([size], 1) });
    const type = { shape: [size], dtype: 'float32' } as const;
    const program = await onDevice.compile(
      { name: 'count', frozen: onDevice.freeze({}), state: state.types, inputs: { x: type } },
      ({ state: { s }, inputs: { x } }) => ({ state: { s: s!.add(x!) }, outputs: { all: s!.mul(2) } }),
    );
    const x = new Float32Array(size).fill(1);
    const steps = async (count: number): Promise<number> => {
      for (let i = 0; i < count; i++) await program.run(state, { x });
      return process.memoryUsage.rss();
    };
    let before = await steps(2_000);
    let taken = 2_000;
    const grown: number[] = [];
    // One leaked result a step would be 40 MB in every round; what is not collected yet is so in few.
    while (grown.length < 5 && Math.min(...grown) >= 20 * 2 ** 20) {
      const after = await steps(10_000);
      grown.push(after - before);
      before = after;
      taken += 10_000;
    }
    expect(Math.min(...grown)).toBeLessThan(20 * 2 ** 20);
    const [first] = floats([size], 1).data;
    let expected = first!;
    for (let i = 0; i < taken; i++) expected = Math.fround(expected + 1);
    expect((await state.read()).s![0]).toBe(expected);
    state.clear(['s']);
    expect((await state.read()).s).toEqual(new Float32Array(size));
  });

  test('what is collected together is freed in an order that is safe', async () => {
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
    const x = { shape: [4096], dtype: 'float32' } as const;
    for (let i = 0; i < 10; i++) {
      // Engine, state and program are left to the collector, which may begin with any of them.
      const engine = createOnnxEngine({ ...options, native });
      const state = engine.state({ s: floats(x.shape, i) });
      const program = await engine.compile(
        { name: 'left', frozen: engine.freeze({ w: floats(x.shape, 5) }), state: state.types, inputs: { x } },
        ({ frozen, state, inputs }) => ({
          state: { s: state.s!.mul(frozen.w!).add(inputs.x!) },
          outputs: { sum: state.s!.sum() },
        }),
      );
      for (const seed of [1, 2]) await program.run(state, { x: floats(x.shape, seed).data });
    }
    for (let i = 0; i < 3; i++) {
      collect();
      await nextTurn();
    }
    expect(await runMany(onDevice)).toEqual(await runMany(onHost));
  });

  test('refuses what does not fit, and says what', () => {
    const data = new Float32Array(6);
    expect(() => native.view(data, 'float32', [2, 2])).toThrow(
      '6 elements of 4 bytes is no tensor of 4 elements of 4',
    );
    expect(() => native.view(data, 'float16', [2, 3])).toThrow('of 4 bytes is no tensor of 6 elements of 2');
    expect(() => native.view(data, 'float32', [-2, -3])).toThrow('negative');
    expect(() => native.openSession(new Uint8Array(8), { ...bare, device: 'cpu' })).toThrow(
      /protobuf|model/i,
    );
    const view = native.view(data, 'float32', [2, 3]);
    expect(() => native.createBinding(view as never, [])).toThrow('expected a session, got a tensor');
    native.release(view);
    expect(() => {
      native.bindInput(view as never, 'x', view);
    }).toThrow('expected a binding, got a tensor');
  });

  test('a session that fails rejects, and goes on', async () => {
    const state = onDevice.state({});
    const x = { shape: [3], dtype: 'int32' } as const;
    const table = floats([4, 2], 1);
    const program = await onDevice.compile(
      { name: 'rows', frozen: onDevice.freeze({ table }), state: {}, inputs: { x } },
      ({ frozen, inputs }) => ({ outputs: { rows: frozen.table!.gather(inputs.x!) } }),
    );
    await expect(program.run(state, { x: Int32Array.of(0, 4, 1) })).rejects.toThrow(
      /out of (data )?bounds|range/i,
    );
    const { rows } = await program.run(state, { x: Int32Array.of(0, 3, 1) });
    expect(rows).toEqual(
      Float32Array.of(...table.data.slice(0, 2), ...table.data.slice(6), ...table.data.slice(2, 4)),
    );
    await program.dispose();
    await expect(program.run(state, { x: Int32Array.of(0, 3, 1) })).rejects.toThrow(
      'the session was released',
    );
  });
});

const bare = { index: 0, threads: 1, arena: false, config: [], provider: [] };

test.skipIf(missing !== undefined)('a file that is no addon is refused', async () => {
  const broken = join(folder, 'broken.node');
  await writeFile(broken, 'no library');
  expect(() => loadNative(broken)).toThrow(/file too short|invalid ELF/);
  expect(loadNative(join(folder, 'absent.node'))).toBeUndefined();
});

/** Two runs of a program at once, twice; their states and outputs. */
async function runMany(engine: Engine): Promise<unknown> {
  const states = [1, 2].map((seed) => engine.state({ s: floats([2, 3], seed) }));
  const x = { shape: [2, 3], dtype: 'float32' } as const;
  const program = await engine.compileMany!(
    { name: 'many', frozen: engine.freeze({ w: floats([3], 5) }), state: states[0]!.types, inputs: { x } },
    ({ frozen, state, inputs }) => {
      const s = state.s!.mul(frozen.w!).add(inputs.x!);
      return { state: { s }, outputs: { sum: s.sum() } };
    },
    3,
  );
  const results = [];
  for (const turn of [1, 2]) {
    const runs = states.map((state, i) => ({ state, inputs: { x: floats([2, 3], 10 * turn + i).data } }));
    results.push(await program.run(runs));
  }
  results.push(await Promise.all(states.map((state) => state.read())));
  await program.dispose();
  return results;
}
