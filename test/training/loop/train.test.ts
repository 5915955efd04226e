// Tests of the training loop: dropout, engines, micro-batches, patience, stopping and resuming.
import { copyFile, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenPair } from '../../../harness/data/examples/task.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../../harness/models/method.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { activationBytes, type ActivationLimit } from '../../../harness/training/step/activation-memory.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { Interrupted, type TrainingResult } from '../../../harness/training/loop/job.ts';
import full from '../../../methods/full.ts';
import lora from '../../../methods/lora.ts';
import red from '../../../methods/red.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));

const examples = (count: number, seed: number): TokenPair[] =>
  Array.from({ length: count }, (_, i) => {
    const ids = Array.from(randomStream(seed, `example ${i}`).integers(14, 60));
    return { prompt: ids.slice(0, 3 + (i % 4)), target: ids.slice(7, 9 + (i % 5)) };
  });

let base: BaseModel;
let onnx: Engine;
let js: Engine;
beforeAll(async () => {
  base = await loadBase('random-gpt2~layers=2,width=16,heads=2,vocab=60,positions=32');
  onnx = await createEngine({ name: 'onnx', threads: 1 });
  js = await createEngine({ name: 'js' });
});

function run(
  engine: Engine,
  delta: Delta,
  recipe: Record<string, unknown>,
  more: {
    folder?: string;
    activations?: ActivationLimit;
    signal?: AbortSignal;
    onProgress?: () => void;
    base?: BaseModel;
  } = {},
): Promise<TrainingResult> {
  return train({
    engine,
    base,
    delta,
    seed: 7,
    folder: undefined,
    ...more,
    objective: languageModel(base.architecture, 0),
    train: examples(24, 1),
    validation: examples(8, 2),
    recipe: recipeSchema.parse({ batchSize: 6, epochs: 50, learningRate: 1e-2, ...recipe }),
  });
}
const losses = ({ log }: TrainingResult): number[] => log.map(({ loss }) => loss);

describe('train', () => {
  it("leaves the base's dropout off until the first evaluation where that is asked, a method's not", async () => {
    const [from, to] = [join(import.meta.dirname, '../../golden/parity/gpt2-tiny'), join(folder, 'dropping')];
    await mkdir(to);
    await copyFile(join(from, 'model.safetensors'), join(to, 'model.safetensors'));
    const config = JSON.parse(await readFile(join(from, 'config.json'), 'utf8')) as object;
    await writeFile(
      join(to, 'config.json'),
      JSON.stringify({ ...config, resid_pdrop: 0.3, attn_pdrop: 0.3 }),
    );
    const dropping = await loadBase(to);
    const delta = red.attach(dropping, red.options.parse({}));
    // An epoch has four steps and an evaluation after each; the second half uses micro-batches.
    for (const more of [{}, { microBatch: 4 }]) {
      const of = async (recipe: object) =>
        losses(await run(onnx, delta, { maxSteps: 6, ...more, ...recipe }, { base: dropping }));
      const off = await of({ dropout: false });
      const [later, start] = [
        await of({ dropoutFrom: 'first-evaluation' }),
        await of({ dropoutFrom: 'start' }),
      ];
      expect(later.slice(0, 4)).toEqual(off.slice(0, 4));
      expect(later[4]).not.toBe(off[4]);
      expect(start[0]).not.toBe(off[0]);
      expect(await of({})).toEqual(start);
      expect(await of({ dropout: false, dropoutFrom: 'first-evaluation' })).toEqual(off);
    }
    const own = lora.attach(dropping, lora.options.parse({ dropout: 0.5 }));
    const noBase = { maxSteps: 2, dropoutFrom: 'first-evaluation' };
    const [with_, without] = [own, lora.attach(dropping, lora.options.parse({}))].map((method) =>
      run(onnx, method, noBase, { base: dropping }),
    );
    expect(losses(await with_!)[1]).not.toBe(losses(await without!)[1]);
  });

  it('gives the same losses on js and onnx, dropout included', async () => {
    const dropping = lora.attach(base, lora.options.parse({ dropout: 0.2 }));
    for (const delta of [dropping, red.attach(base, red.options.parse({})), full.attach(base, {})]) {
      const [a, b] = [await run(onnx, delta, { maxSteps: 20 }), await run(js, delta, { maxSteps: 20 })];
      expect(losses(a).slice(0, 5)).toBeAllclose(losses(b).slice(0, 5), { rtol: 1e-5 });
      expect(losses(a)).toBeAllclose(losses(b), { rtol: 1e-4 });
      expect(a.evaluations.map(({ loss }) => loss)).toBeAllclose(
        b.evaluations.map(({ loss }) => loss),
        { rtol: 1e-4 },
      );
    }
  });

  it('gives one step the same gradient however its examples are cut', async () => {
    const delta = full.attach(base, {});
    const whole = await run(onnx, delta, { maxSteps: 8, labelSmoothing: 0.1, clip: 0.5 });
    const cut = await run(onnx, delta, { maxSteps: 8, labelSmoothing: 0.1, clip: 0.5, microBatch: 2 });
    expect(losses(cut)).toBeAllclose(losses(whole), { rtol: 1e-5 });
    const norms = ({ log }: TrainingResult): number[] => log.map(({ gradientNorm }) => gradientNorm);
    expect(norms(cut)).toBeAllclose(norms(whole), { rtol: 1e-4 });
  });

  it('takes smaller micro-batches where the memory asks for it, and the same steps', async () => {
    const delta = full.attach(base, {});
    const how = { recompute: false, isHeadFrozen: false };
    const bytes = (tokens: number): number =>
      activationBytes(base.architecture, tokens, { ...how, length: 14 });
    const within = (tokens: number) =>
      run(onnx, delta, { maxSteps: 4 }, { activations: { ...how, bytes: bytes(tokens) } });
    const [whole, cut, least] = [await within(1000), await within(20), await within(0)];
    const unlimited = await run(onnx, delta, { maxSteps: 4 });
    expect(losses(whole)).toEqual(losses(unlimited));
    for (const some of [cut, least]) expect(losses(some)).toBeAllclose(losses(whole), { rtol: 1e-5 });
    const rows = ({ log }: TrainingResult): number =>
      Math.max(...log.flatMap(({ shapes = [] }) => shapes.map((shape) => Number.parseInt(shape, 10))));
    expect([rows(whole), rows(least)]).toEqual([6, 1]);
    expect(rows(cut)).toBeLessThan(4);
  });

  it('keeps the tensors of the best evaluation and stops when patience ends', async () => {
    // The learning rate is far too high, so the validation loss rises from some step on.
    const result = await run(onnx, full.attach(base, {}), {
      learningRate: 0.05,
      evaluateEvery: 4,
      patience: 3,
    });
    const values = result.evaluations.map(({ loss }) => loss);
    const best = values.indexOf(Math.min(...values));
    expect(result.stopped).toBe('patience');
    expect(result.bestStep).toBe(result.evaluations[best]!.step);
    expect(values).toHaveLength(best + 4);
  });

  it('says when the loss is no longer finite, and keeps the log up to there', async () => {
    const result = await run(onnx, full.attach(base, {}), { learningRate: 1e30, maxSteps: 9 });
    expect(result.diverged).toMatch(/^(the loss|the gradient's norm|the trained tensor).* (step \d|finite)/);
    expect(result.log.length).toBeLessThan(9);
  });

  it('reports trained tensors that never moved', async () => {
    const idle: Delta = {
      trained: { spare: { shape: [3], init: () => new Float32Array(3) } },
      unfreezes: (name) => name.endsWith('ln_f.bias'),
    };
    expect((await run(onnx, idle, { maxSteps: 3 })).neverMoved).toEqual(['spare']);
  });

  it('stops when told to and ends as if it had not, bit for bit', async () => {
    const delta = lora.attach(base, lora.options.parse({ dropout: 0.1 }));
    const recipe = { maxSteps: 30, evaluateEvery: 10, microBatch: 4 };
    const whole = await run(onnx, delta, recipe);
    const place = join(folder, 'stopped');
    for (let step = 0; step < 3; step++) {
      const stop = new AbortController();
      let steps = 0;
      const halted = run(onnx, delta, recipe, {
        folder: place,
        signal: stop.signal,
        onProgress: () => {
          if (++steps === 7) stop.abort();
        },
      });
      await expect(halted).rejects.toThrow(Interrupted);
    }
    const resumed = await run(onnx, delta, recipe, { folder: place });
    expect(resumed.resumedFrom).toBe(21);
    expect(losses(resumed)).toEqual(losses(whole));
    const shapes = ({ log }: TrainingResult) => log.map((step) => step.shapes);
    expect(shapes(resumed)).toEqual(shapes(whole));
    expect(new Set(shapes(whole).flat()).size).toBeLessThanOrEqual(3);
    for (const used of shapes(whole)) expect(used![0]).toMatch(/^\d+x\d+, \d+ tokens, \d+ targets$/);
    expect(resumed.bestStep).toBe(whole.bestStep);
    expect(resumed.tensors).toEqual(whole.tensors);
  });
});
