// Tests of training in replicas: when it is chosen, and that it computes what one engine does.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { TokenPair } from '../../../harness/data/examples/task.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { packTensors } from '../../../harness/training/step/parameter-packs.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { replicasFor } from '../../../harness/training/loop/choose-replicas.ts';
import { trainTogether, type Companion } from '../../../harness/training/loop/train-together.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { Interrupted, type TrainingResult } from '../../../harness/training/loop/job.ts';
import lora from '../../../methods/lora.ts';

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));

const words = 60_000;
const steps = 200;
// Long prompts with one target each count as much work by tokens but are quick to compute.
const examples: TokenPair[] = Array.from({ length: 12 }, (_, i) => ({
  prompt: Array.from(randomStream(1, `prompt ${i}`).integers(60 + i, words)),
  target: Array.from(randomStream(1, `target ${i}`).integers(1, words)),
}));

let base: BaseModel;
let one: Engine;
let two: Engine;
beforeAll(async () => {
  base = await loadBase(`random-gpt2~layers=1,width=16,heads=2,vocab=${words},positions=80`);
  [one, two] = (await Promise.all([1, 2].map((threads) => createEngine({ name: 'onnx', threads })))) as [
    Engine,
    Engine,
  ];
});

interface More {
  readonly recipe?: object;
  readonly signal?: AbortSignal;
  readonly folder?: string;
  readonly onProgress?: () => void;
  readonly seed?: number;
  readonly companion?: Companion;
}
function run(engine: Engine, { recipe, ...more }: More = {}): Promise<TrainingResult> {
  return train({
    engine,
    base,
    seed: 7,
    folder: undefined,
    ...more,
    delta: lora.attach(base, lora.options.parse({ dropout: 0.1 })),
    objective: languageModel(base.architecture, 0),
    train: examples,
    validation: [],
    recipe: recipeSchema.parse({ batchSize: 6, epochs: steps / 2, learningRate: 1e-2, ...recipe }),
  });
}
const losses = ({ log }: TrainingResult): number[] => log.map(({ loss }) => loss);

describe('training in replicas', () => {
  it('is the same, bit for bit, as of the same micro-batches one after the other', async () => {
    const recipe = { microBatch: 3 };
    const compiled: string[] = [];
    const replicas = two.replicas!.map((replica, i): Pick<Engine, 'compile'> => ({
      compile(signature, program) {
        compiled.push(`${i}: ${signature.name.split(' ')[0]}`);
        return replica.compile(signature, program);
      },
    }));
    const shared = await run({ ...two, replicas }, { recipe });
    expect(new Set(compiled)).toEqual(new Set(['0: gradients', '1: gradients', '0: apply']));
    const alone = await run(one, { recipe });
    expect(losses(shared)).toEqual(losses(alone));
    expect(shared.tensors).toEqual(alone.tensors);
    expect(alone.log[0]!.loss).toBeGreaterThan(alone.log.at(-1)!.loss);
  });

  it('cuts every step into as many parts', async () => {
    const shapes = ({ log }: TrainingResult): Set<number | undefined> =>
      new Set(log.map((row) => row.shapes?.length));
    expect([shapes(await run(one)), shapes(await run(two))]).toEqual([new Set([1]), new Set([2])]);
  });

  it('stops when told to and ends as if it had not, bit for bit', async () => {
    const whole = await run(two);
    const place = join(folder, 'stopped');
    const stop = new AbortController();
    let taken = 0;
    const onProgress = (): void => {
      if (++taken === 77) stop.abort();
    };
    await expect(run(two, { folder: place, signal: stop.signal, onProgress })).rejects.toThrow(Interrupted);
    const resumed = await run(two, { folder: place });
    expect(resumed.resumedFrom).toBe(77);
    expect(losses(resumed)).toEqual(losses(whole));
    expect(resumed.tensors).toEqual(whole.tensors);
  });
});

it('gives runs that are trained together the numbers of each by itself, dropout included', async () => {
  const seeds = [7, 8];
  const companions = trainTogether(seeds.length);
  const together = seeds.map((seed, i) => {
    const companion = companions[i]!;
    return run(two, { seed, companion }).finally(() => companion.leave());
  });
  for (const [i, result] of (await Promise.all(together)).entries()) {
    expect(result.together).toBe(2);
    const alone = await run(two, { seed: seeds[i]! });
    expect(losses(result).slice(0, 20)).toBeAllclose(losses(alone).slice(0, 20), { rtol: 1e-5 });
  }
});

describe('replicasFor', () => {
  const shapes = { table: [words, 16] };
  const packs = packTensors([{ name: 'a', shape: [4], decays: true, rate: 1 }]);
  const large = packTensors([{ name: 'W', shape: [1024, 1024], decays: true, rate: 1 }]);
  it('shares nothing where that does not pay, or the engine has none', () => {
    expect(replicasFor(two, { shapes }, packs, 400, steps)).toBe(2);
    expect(replicasFor(one, { shapes }, packs, 400, steps)).toBe(1);
    expect(replicasFor(two, { shapes }, packs, 60, 100 * steps)).toBe(1);
    expect(replicasFor(two, { shapes }, packs, 400, steps / 2)).toBe(1);
    expect(replicasFor(two, { shapes }, large, 400, steps)).toBe(1);
    expect(replicasFor(two, { shapes: { table: [2 ** 14, 2 ** 14] } }, packs, 400, steps)).toBe(1);
  });
});
