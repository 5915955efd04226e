// Tests of the T5 family: relative positions, configurations, checkpoints and training. Golden buckets are
// those of transformers 5.23.0.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { writeSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { describeArchitecture } from '../../../harness/models/families/registry.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { relativeBuckets } from '../../../harness/models/families/parts/relative-positions.ts';
import type { Shape } from '../../../harness/models/edits.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { Interrupted } from '../../../harness/training/loop/job.ts';
import full from '../../../methods/full.ts';
import lora from '../../../methods/lora.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const config = {
  model_type: 't5',
  vocab_size: 60,
  d_model: 16,
  d_kv: 6,
  d_ff: 24,
  num_heads: 2,
  num_layers: 2,
  num_decoder_layers: 1,
  dropout_rate: 0,
  tie_word_embeddings: true,
};
type Tensors = Record<string, { shape: Shape; data: Float32Array }>;

/** Writes a model folder with random weights, with changes to its config.json and further tensors. */
async function folderOf(change: object = {}, more: Tensors = {}): Promise<string> {
  const architecture = describeArchitecture({ ...config, ...change }, 'config.json');
  const tensors = Object.entries(architecture.shapes).map(([name, shape]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    const mean = name.endsWith('norm.weight') ? 1 : 0;
    return [name, { shape, data: randomStream(3, name).normal(size, mean, 0.3) }] as const;
  });
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, ...change }));
  await writeSafetensors(join(folder, 'model.safetensors'), { ...Object.fromEntries(tensors), ...more });
  return folder;
}

// [first position, bucket], from T5Attention._relative_position_bucket of transformers 5.23.0 on −300 … 300.
it.each([
  [
    { both: true, buckets: 32, farthest: 128 },
    [
      [-300, 15],
      [-90, 14],
      [-63, 13],
      [-45, 12],
      [-31, 11],
      [-22, 10],
      [-15, 9],
      [-11, 8],
      [-7, 7],
      [-6, 6],
      [-5, 5],
      [-4, 4],
      [-3, 3],
      [-2, 2],
      [-1, 1],
      [0, 0],
      [1, 17],
      [2, 18],
      [3, 19],
      [4, 20],
      [5, 21],
      [6, 22],
      [7, 23],
      [8, 24],
      [12, 25],
      [16, 26],
      [23, 27],
      [32, 28],
      [46, 29],
      [64, 30],
      [91, 31],
    ],
  ],
  [
    { both: false, buckets: 32, farthest: 128 },
    [
      [-300, 31],
      [-112, 30],
      [-98, 29],
      [-86, 28],
      [-76, 27],
      [-66, 26],
      [-58, 25],
      [-51, 24],
      [-45, 23],
      [-39, 22],
      [-34, 21],
      [-30, 20],
      [-26, 19],
      [-23, 18],
      [-20, 17],
      [-18, 16],
      [-15, 15],
      [-14, 14],
      [-13, 13],
      [-12, 12],
      [-11, 11],
      [-10, 10],
      [-9, 9],
      [-8, 8],
      [-7, 7],
      [-6, 6],
      [-5, 5],
      [-4, 4],
      [-3, 3],
      [-2, 2],
      [-1, 1],
      [0, 0],
    ],
  ],
  [
    { both: true, buckets: 8, farthest: 20 },
    [
      [-300, 3],
      [-6, 2],
      [-1, 1],
      [0, 0],
      [1, 5],
      [2, 6],
      [7, 7],
    ],
  ],
  [
    { both: false, buckets: 10, farthest: 50 },
    [
      [-300, 9],
      [-31, 8],
      [-19, 7],
      [-12, 6],
      [-7, 5],
      [-4, 4],
      [-3, 3],
      [-2, 2],
      [-1, 1],
      [0, 0],
    ],
  ],
])('relative positions fall into the buckets of transformers: %j', (options, begins) => {
  const positions = Int32Array.from({ length: 601 }, (_, i) => i - 300);
  const expected = positions.map((position) => begins.filter(([first]) => first! <= position).at(-1)![1]!);
  expect(relativeBuckets(positions, options)).toEqual(expected);
});

describe('a configuration', () => {
  it.each([
    [{ feed_forward_proj: 'gated-silu' }, /feed_forward_proj/],
    [{ is_encoder_decoder: false }, /is_encoder_decoder/],
    [{ relative_attention_num_buckets: 7 }, /relative_attention_num_buckets/],
    [
      { relative_attention_max_distance: 8, relative_attention_num_buckets: 32 },
      /relative_attention_max_distance: 8 .* 16/,
    ],
    [{ d_kv: undefined }, /d_kv/],
  ])('with %j is refused', (change, reason) => {
    const describe = (): unknown => describeArchitecture({ ...config, ...change }, 'config.json');
    expect(describe).toThrow(UsageError);
    expect(describe).toThrow(reason);
  });

  it.each([
    [{}, 'shared.weight'],
    [{ tie_word_embeddings: false }, 'lm_head.weight'],
    // transformers 5 saves T5 1.1 with this setting.
    [{ scale_decoder_outputs: false }, 'lm_head.weight'],
  ])('with %j has its output in %s', (change, head) => {
    const architecture = describeArchitecture({ ...config, ...change }, 'config.json');
    if (architecture.kind !== 'encoder-decoder') throw new Error(architecture.kind);
    expect(architecture.head).toBe(head);
    expect(architecture.shapes[head]).toEqual([60, 16]);
    expect('lm_head.weight' in architecture.shapes).toBe(head === 'lm_head.weight');
    expect([architecture.layers, architecture.headWidth]).toEqual([1, 6]);
  });
});

it('a checkpoint may hold copies of the embedding and the bias that old ones have, and nothing else', async () => {
  const copy = {
    shape: [60, 16],
    data: await (await loadBase(await folderOf({}))).tensor('shared.weight'),
  };
  const bias = { shape: [32, 2], data: new Float32Array(64) };
  const old = {
    'encoder.embed_tokens.weight': copy,
    'decoder.embed_tokens.weight': copy,
    'lm_head.weight': copy,
    'decoder.block.0.layer.1.EncDecAttention.relative_attention_bias.weight': bias,
  };
  const base = await loadBase(await folderOf({}, old));
  expect(await base.tensor('shared.weight')).toHaveLength(60 * 16);
  const odd = loadBase(await folderOf({}, { 'decoder.block.1.layer.0.SelfAttention.q.weight': copy }));
  await expect(odd).rejects.toThrow(/has 1 that config.json knows nothing of/);
});

describe('training', () => {
  let onnx: Engine;
  let base: BaseModel;
  beforeEach(async () => {
    onnx = await createEngine({ name: 'onnx', threads: 1 });
    base = await loadBase(await folderOf({ dropout_rate: 0.2 }));
  });
  const ids = (count: number, seed: number): number[] =>
    Array.from(randomStream(seed, 'ids').integers(count, 60));
  const examples = Array.from({ length: 12 }, (_, i) => ({
    prompt: ids(3 + (i % 5), i),
    target: ids(1 + (i % 4), i + 50),
  }));
  const run = (engine: Engine, delta: ReturnType<typeof full.attach>, more: object = {}) =>
    train({
      engine,
      base,
      delta,
      seed: 7,
      folder: undefined,
      train: examples,
      validation: examples.slice(0, 5),
      objective: languageModel(base.architecture, 0.1),
      recipe: recipeSchema.parse({
        batchSize: 6,
        microBatch: 4,
        maxSteps: 6,
        epochs: 50,
        learningRate: 1e-2,
      }),
      ...more,
    });

  it('gives the same losses on js and onnx, dropout and label smoothing included', async () => {
    const js = await createEngine({ name: 'js' });
    for (const delta of [full.attach(base, {}), lora.attach(base, lora.options.parse({ dropout: 0.2 }))]) {
      const [a, b] = [await run(onnx, delta), await run(js, delta)];
      expect(a.log.map(({ loss }) => loss)).toBeAllclose(
        b.log.map(({ loss }) => loss),
        { rtol: 1e-5 },
      );
      expect(a.evaluations.map(({ loss }) => loss)).toBeAllclose(
        b.evaluations.map(({ loss }) => loss),
        { rtol: 1e-5 },
      );
      expect(a.neverMoved).toEqual([]);
    }
  });

  it('stops when told to and ends as if it had not, bit for bit', async () => {
    const delta = lora.attach(base, lora.options.parse({ dropout: 0.1 }));
    const whole = await run(onnx, delta);
    const folder = await temporaryFolder();
    const stop = new AbortController();
    let steps = 0;
    const onProgress = (): void => {
      if (++steps === 3) stop.abort();
    };
    await expect(run(onnx, delta, { folder, signal: stop.signal, onProgress })).rejects.toThrow(Interrupted);
    const rest = await run(onnx, delta, { folder });
    expect(rest.resumedFrom).toBe(3);
    expect(rest.log.map(({ loss }) => loss)).toEqual(whole.log.map(({ loss }) => loss));
    expect(rest.tensors).toEqual(whole.tensors);
  });
});
