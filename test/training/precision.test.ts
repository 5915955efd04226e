// Tests of training in half precision: learning, loss scaling and interrupted runs.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { ones, stopGradient, tensor } from '../../harness/engine/ops.ts';
import type { Engine, Precision } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { randomStream } from '../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { firstScaler, keepFinite, scalerTypes } from '../../harness/training/step/loss-scale.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { train } from '../../harness/training/loop/train.ts';
import { Interrupted, type TrainingResult } from '../../harness/training/loop/job.ts';
import full from '../../methods/full.ts';
import lora from '../../methods/lora.ts';
import red from '../../methods/red.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));

let base: BaseModel;
const engines = new Map<Precision, Engine>();
beforeAll(async () => {
  base = await loadBase(join(import.meta.dirname, '../golden/parity/gpt2-tiny'));
  for (const precision of ['float32', 'bfloat16', 'float16'] as const)
    engines.set(precision, await createEngine({ name: 'onnx', threads: 1, precision }));
});

function run(
  precision: Precision,
  delta: Delta,
  recipe: Record<string, unknown>,
  more: { folder?: string; signal?: AbortSignal; onProgress?: () => void } = {},
): Promise<TrainingResult> {
  const examples = (count: number, seed: number) =>
    Array.from({ length: count }, (_, i) => {
      // Each token determines the next one.
      const first = randomStream(seed, `example ${i}`).integers(1, 60)[0]!;
      const ids = Array.from({ length: 12 }, (_, j) => (first + 7 * j) % 60);
      return { prompt: ids.slice(0, 3), target: ids.slice(3) };
    });
  return train({
    engine: engines.get(precision)!,
    base,
    delta,
    seed: 7,
    folder: undefined,
    ...more,
    objective: languageModel(base.architecture, 0),
    train: examples(24, 1),
    validation: examples(8, 2),
    recipe: recipeSchema.parse({ batchSize: 6, epochs: 100, learningRate: 1e-2, ...recipe }),
  });
}
const isSkipped = ({ gradientNorm }: TrainingResult['log'][number]): boolean =>
  !Number.isFinite(gradientNorm);

/** Trains a vector whose gradient the model multiplies by `factor`, so that float16 overflows. */
const amplified = (factor: number): Delta => ({
  trained: { s: { shape: [32], init: () => new Float32Array(32).fill(1) } },
  edits: (x) => ({
    block: (h, { layer }) => (layer === 0 ? h.mul(x.s!) : h),
    linear: ({ role, layer }) =>
      role === 'mlpOutput' && layer === 1
        ? { output: (y) => y.mul(factor).sub(stopGradient(y.mul(factor - 1))) }
        : undefined,
  }),
});

describe.each(['bfloat16', 'float16'] as const)('training in %s', (precision) => {
  it.each([['full', full.attach] as const, ['lora', lora.attach] as const, ['red', red.attach] as const])(
    'learns what float32 learns: %s',
    async (name, attach) => {
      const options = { full, lora, red }[name].options.parse({});
      const delta = (attach as typeof full.attach)(base, options as never);
      const rate = name === 'full' ? {} : { learningRate: 0.03 };
      const [ours, exact] = [
        await run(precision, delta, { maxSteps: 60, ...rate }),
        await run('float32', delta, { maxSteps: 60, ...rate }),
      ];
      const meanOf = (rows: TrainingResult['log']): number =>
        rows.reduce((sum, { loss }) => sum + loss, 0) / rows.length;
      const [first, last] = [meanOf(exact.log.slice(0, 4)), meanOf(exact.log.slice(-4))];
      expect(first - last).toBeGreaterThan(0.05);
      expect(Math.abs(meanOf(ours.log.slice(-4)) - last)).toBeLessThan(0.05 * (first - last));
      expect(ours.log.map(({ loss }) => loss)).not.toEqual(exact.log.map(({ loss }) => loss));
      expect(ours.diverged).toBeUndefined();
    },
  );

  // bfloat16 has no number between 1 and 1 + 2⁻⁷, so vectors stored in it would not move.
  it('moves edit vectors by less than the precision has', async () => {
    const delta = red.attach(base, red.options.parse({}));
    const { neverMoved, tensors } = await run(precision, delta, { maxSteps: 4, learningRate: 1e-5 });
    expect(neverMoved).toEqual([]);
    const scaling = Object.entries(tensors).filter(([name]) => name.endsWith('scaling'));
    for (const [, { data }] of scaling) {
      expect(data.some((x) => x !== 1)).toBe(true);
      expect(data.every((x) => Math.abs(x - 1) < 1e-4)).toBe(true);
    }
  });
});

test("the loss scale follows torch's GradScaler", async () => {
  const engine = engines.get('float32')!;
  const types = { ...scalerTypes, p: { shape: [2], dtype: 'float32' as const } };
  const program = await engine.compile(
    {
      name: 'scale',
      frozen: engine.freeze({}),
      state: types,
      inputs: { norm: { shape: [], dtype: 'float32' } },
    },
    ({ state, inputs }) => ({
      state: keepFinite({ p: state.p!.add(ones([2]).mul(inputs.norm!)) }, state, inputs.norm!),
      outputs: { none: tensor([0]) },
    }),
  );
  const start = (good: number) =>
    engine.state({
      'scaler/scale': { shape: [], data: firstScaler['scaler/scale'] },
      'scaler/good': { shape: [], data: Float32Array.of(good) },
      p: { shape: [2], data: Float32Array.of(1, 2) },
    });
  const state = start(0);
  const after = async (norm: number, of = state): Promise<number[][]> => {
    await program.run(of, { norm: Float32Array.of(norm) });
    const { p, 'scaler/scale': scale, 'scaler/good': good } = await of.read();
    return [[...p!], [...scale!, ...good!]];
  };
  expect(await after(1)).toEqual([
    [2, 3],
    [65_536, 1],
  ]);
  expect(await after(Infinity)).toEqual([
    [2, 3],
    [32_768, 0],
  ]);
  expect(await after(NaN)).toEqual([
    [2, 3],
    [16_384, 0],
  ]);
  expect(await after(0.5)).toEqual([
    [2.5, 3.5],
    [16_384, 1],
  ]);
  const grown = start(1998);
  expect(await after(1, grown)).toEqual([
    [2, 3],
    [65_536, 1999],
  ]);
  expect(await after(1, grown)).toEqual([
    [3, 4],
    [131_072, 0],
  ]);
});

describe('where float16 overflows', () => {
  it.each([{}, { microBatch: 4 }])(
    'steps are skipped, and a stopped run ends as if it had not stopped, bit for bit: %j',
    async (cut) => {
      const recipe = { maxSteps: 24, evaluateEvery: 8, ...cut };
      const whole = await run('float16', amplified(2 ** 8), recipe);
      expect(whole.log.filter(isSkipped).length).toBeGreaterThan(1);
      expect(isSkipped(whole.log[0]!)).toBe(true);
      expect(whole.diverged).toBeUndefined();
      expect(whole.neverMoved).toEqual([]);

      const place = join(folder, `stopped${JSON.stringify(cut)}`);
      const stop = new AbortController();
      let steps = 0;
      const halted = run('float16', amplified(2 ** 8), recipe, {
        folder: place,
        signal: stop.signal,
        onProgress: () => {
          if (++steps === 2) stop.abort();
        },
      });
      await expect(halted).rejects.toThrow(Interrupted);
      const resumed = await run('float16', amplified(2 ** 8), recipe, { folder: place });
      expect(resumed.resumedFrom).toBe(2);
      const seen = ({ log }: TrainingResult) =>
        log.map(({ loss, gradientNorm }) => [loss, isFinite(gradientNorm) ? gradientNorm : 0]);
      expect(seen(resumed)).toEqual(seen(whole));
      expect(resumed.tensors).toEqual(whole.tensors);
    },
  );

  it('the run has failed where no scale helps', async () => {
    const { diverged, log } = await run('float16', amplified(2 ** 120), { maxSteps: 400 });
    expect(diverged).toBe(
      'the gradient was not finite in 100 steps in a row, whatever the loss scale, at step 100 of 400',
    );
    expect(log).toHaveLength(100);
  });
});
