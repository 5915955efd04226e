// Tests of the Llama family: biases, rotary embeddings, configurations, counts of Llama-2 7B. Golden logits
// are those of transformers in test/golden/llama-rope.
import { copyFile, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../../harness/support/errors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { describeArchitecture } from '../../../harness/models/families/registry.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { countParameters } from '../../../harness/models/delta/count-parameters.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { computeDecoder, type Batch } from '../../parity/decoder.ts';

const folder = join(import.meta.dirname, '../../golden/llama-rope');
interface Golden {
  readonly batch: Omit<Batch, 'labels'>;
  readonly variants: Readonly<Record<string, { config: Record<string, unknown>; logits: number[] }>>;
}
const { batch, variants } = JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')) as Golden;

/** Writes a model folder with the golden weights and the given config.json. */
async function folderWith(config: Record<string, unknown>): Promise<string> {
  const made = await temporaryFolder();
  await copyFile(join(folder, 'model.safetensors'), join(made, 'model.safetensors'));
  await writeFile(join(made, 'config.json'), JSON.stringify(config));
  return made;
}

describe('biases and rotary embeddings equal those of transformers', () => {
  it.each(Object.entries(variants))('%s', async (_, { config, logits }) => {
    const base = await loadBase(await folderWith(config));
    const labels = batch.input_ids.map((ids) => ids.map((id, i) => (i < 10 ? -100 : id)));
    const engine = await createEngine({ name: 'onnx', threads: 1 });
    const ours = await computeDecoder(engine, base, { trained: {} }, {}, { ...batch, labels });
    const vocabulary = logits.length / 2;
    const row = ours.logits.length / 2;
    const last = ours.logits.filter((_, i) => i % row >= row - vocabulary);
    expect(last).toBeAllclose(logits, { atol: 1e-5 });
  });
});

describe('a configuration', () => {
  const { config } = variants.default!;
  it.each([
    [{ hidden_act: 'gelu' }, /hidden_act/],
    [{ num_key_value_heads: 3 }, /num_key_value_heads: 3 does not divide num_attention_heads 4/],
    [{ head_dim: null, hidden_size: 20 }, /hidden_size: 20 gives no heads of an even width/],
    [{ head_dim: 5 }, /head_dim/],
    [{ vocab_size: 0 }, /vocab_size/],
    [{ quantization_config: { bits: 4 } }, /quantization_config/],
    [
      { rope_parameters: { rope_type: 'axial', factor: 2 } },
      /type "axial" are not built; default, linear, dynamic, yarn, longrope, llama3 are/,
    ],
    [{ rope_parameters: { rope_type: 'linear' } }, /factor/],
    [{ rope_parameters: { rope_type: 'llama3', factor: 8 } }, /low_freq_factor.*high_freq_factor/],
    [{ rope_parameters: { rope_type: 'default', partial_rotary_factor: 0.5 } }, /partial_rotary_factor/],
    [
      { rope_parameters: { rope_type: 'longrope', short_factor: [1], long_factor: [1, 2, 3] } },
      /short_factor: has 1 numbers; 3 are needed/,
    ],
  ])('with %j is refused', (change, reason) => {
    const describe = (): unknown => describeArchitecture({ ...config, ...change }, 'config.json');
    expect(describe).toThrow(UsageError);
    expect(describe).toThrow(reason);
  });

  it.each([
    [{ tie_word_embeddings: false }, /lacks 1 of its tensors: lm_head\.weight/],
    [{ mlp_bias: false }, /has 3 that config\.json knows nothing of: .*mlp\.\w+_proj\.bias/],
    [{ num_key_value_heads: 4 }, /k_proj\.weight the shape \[12, 16\], config\.json says \[24, 16\]/],
    [{ num_hidden_layers: 2 }, /lacks 16 of its tensors/],
    [{ vocab_size: 14 }, /embed_tokens\.weight the shape \[13, 16\]/],
  ])('with %j contradicts the checkpoint', async (change, reason) => {
    await expect(loadBase(await folderWith({ ...config, ...change }))).rejects.toThrow(reason);
  });
});

it('a random base has the shape asked for', async () => {
  const base = await loadBase('random-llama~layers=2,width=24,heads=4,kvHeads=2,vocab=11,positions=16');
  expect(base.shapes['model.layers.1.self_attn.k_proj.weight']).toEqual([12, 24]);
  expect(base.shapes['model.layers.1.mlp.gate_proj.weight']).toEqual([64, 24]);
  expect(base.shapes['lm_head.weight']).toEqual([11, 24]);
  expect(base.architecture).toMatchObject({ kvHeads: 2, positions: 16, vocabulary: 11 });
  const wide = await loadBase('random-llama~layers=1,width=16,heads=2,inner=40,vocab=11');
  expect(wide.shapes['model.layers.0.mlp.down_proj.weight']).toEqual([16, 40]);
});

// Tables 4, 16 and 18 print 6739M, 8.39M and 0.26M; the other counts are peft's or follow from the shapes.
it.each([
  ['full', 6_738_415_616],
  ['lora~rank=16', 8_388_608],
  ['red', 262_144],
  ['red~position=ffn+attn', 524_288],
  ['red~no-bias', 131_072],
  ['lora', 4_194_304],
  ['dora', 4_456_448],
  ['ia3', 614_400],
  ['prefix', 4_194_304],
  ['prompt', 409_600],
  ['p-tuning', 50_425_856],
  ['vera', 278_528],
  ['adalora', 6_292_224],
  ['adapter~bottleneck=8', 4_456_960],
  ['adapter-ffn~bottleneck=16', 4_325_888],
  ['loreft', 2_097_408],
  ['ft-top2', 404_766_720],
])('trained parameters of Llama-2 7B under %s: %i', async (variant, expected) => {
  const base = await loadBase('meta-llama/Llama-2-7b-hf');
  const delta = await attachMethods(parseVariant(variant, await loadMethods()), base);
  expect(countParameters(base, delta).trained).toBe(expected);
});
