// Tests of classification heads: counts of parameters, initial values, the pooler, dropout and learning rate.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { makeHead, readBy, withHead } from '../../../harness/models/delta/heads.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { HeadName } from '../../../harness/models/head-names.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { attachWithHead } from '../../../harness/runs/cell/attach-method.ts';
import { countParameters } from '../../../harness/models/delta/count-parameters.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';

const methods = await loadMethods();
const count = async (model: string, variant: string, name: HeadName, classes: number) => {
  const bare = await loadBase(model);
  const head = makeHead(bare, name, classes);
  const { base, delta } = await attachWithHead(parseVariant(variant, methods), bare, head);
  return countParameters(base, delta, head);
};

describe('parameters', () => {
  // The counts are peft's on the meta device, or follow from d and L; the RED paper's Table 1 prints them
  // rounded.
  it.each([
    ['roberta-base', 'full', 124_055_040],
    ['roberta-base', 'ft-top2', 14_175_744],
    ['roberta-base', 'bitfit', 102_144],
    ['roberta-base', 'adapter~bottleneck=8', 313_536],
    ['roberta-base', 'adapter~bottleneck=8~layerNorms=blocks', 350_400],
    ['roberta-base', 'adapter-ffn~bottleneck=16', 304_320],
    ['roberta-base', 'lora', 294_912],
    ['roberta-base', 'dora', 313_344],
    ['roberta-base', 'ia3', 64_512],
    ['roberta-base', 'prefix~virtualTokens=16', 294_912],
    ['roberta-base', 'prompt~virtualTokens=100', 76_800],
    ['roberta-base', 'vera~rank=256', 24_576],
    ['roberta-base', 'loreft~rank=1', 18_444],
    ['roberta-base', 'loreft~rank=8', 147_552],
    ['roberta-base', 'red', 18_432],
    ['roberta-base', 'red~position=ffn+attn', 36_864],
    ['roberta-base', 'red~no-bias', 9_216],
    ['roberta-base', 'red~position=all', 92_160],
    ['roberta-large', 'full', 354_310_144],
    ['roberta-large', 'bitfit', 271_360],
    ['roberta-large', 'adapter~bottleneck=8', 835_968],
    ['roberta-large', 'lora', 786_432],
    ['roberta-large', 'ia3', 172_032],
    ['roberta-large', 'vera~rank=256', 61_440],
    ['roberta-large', 'red', 49_152],
    ['roberta-large', 'red~position=all', 245_760],
  ])('%s under %s: %i without the head', async (model, variant, expected) => {
    expect((await count(model, variant, 'paper', 2)).trained).toBe(expected);
  });

  it('of the head are counted apart, and all of them together', async () => {
    expect(await count('roberta-base', 'red', 'huggingface', 2)).toMatchObject({
      head: 592_130,
      trained: 18_432,
      all: 124_647_170 + 18_432,
    });
    expect((await count('roberta-base', 'red', 'paper', 3)).head).toBe(592_899);
    expect((await count('roberta-large', 'red', 'paper', 3)).head).toBe(1_052_675);
    expect((await count('roberta-large', 'full', 'huggingface', 2)).all).toBe(355_361_794);
    expect((await count('roberta-base', 'red', 'mean', 1)).head).toBe(769);
  });
});

const config = { hidden_size: 64, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 8 };
const sizes = { vocab_size: 20, max_position_embeddings: 16, type_vocab_size: 2 };
async function tinyBert(): Promise<BaseModel> {
  const { describeArchitecture } = await import('../../../harness/models/families/registry.ts');
  const architecture = describeArchitecture({ model_type: 'bert', ...config, ...sizes }, 'tiny');
  const base = await loadBase('random-gpt2~layers=1,width=8,heads=1,vocab=9');
  return { ...base, family: 'bert', architecture, sites: architecture.sites, shapes: architecture.shapes };
}

const tinyOf = (family: string): string => join(import.meta.dirname, `../../golden/parity/${family}-tiny`);

describe('a head', () => {
  it('starts as the RED authors’ or as transformers’', async () => {
    const base = await tinyBert();
    const spread = (values: Float32Array): number =>
      Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length);
    const paper = await initialize(makeHead(base, 'paper', 2).tensors, base, 1);
    expect(Object.keys(paper)).toEqual([
      'classifier.dense.weight',
      'classifier.dense.bias',
      'classifier.out_proj.weight',
      'classifier.out_proj.bias',
    ]);
    for (const values of Object.values(paper)) expect(values.every((x) => Math.abs(x) <= 1 / 8)).toBe(true);
    expect(spread(paper['classifier.dense.weight']!)).toBeCloseTo(1 / 8 / Math.sqrt(3), 2);
    for (const name of ['huggingface', 'mean'] as const) {
      const own = await initialize(makeHead(base, name, 40).tensors, base, 1);
      expect(Object.keys(own)).toEqual(['classifier.weight', 'classifier.bias']);
      expect(spread(own['classifier.weight']!)).toBeCloseTo(0.02, 3);
      expect(new Set(own['classifier.bias'])).toEqual(new Set([0]));
    }
  });

  it('of BERT reads the pooler, which a method may train; others leave it out', async () => {
    const base = await tinyBert();
    const pooled = readBy(makeHead(base, 'huggingface', 2), base);
    expect(pooled.shapes['bert.pooler.dense.weight']).toEqual([64, 64]);
    expect(readBy(makeHead(base, 'mean', 2), base).shapes).toEqual(base.shapes);
    const { delta } = await attachWithHead(
      parseVariant('bitfit', methods),
      base,
      makeHead(base, 'huggingface', 2),
    );
    expect(delta.unfreezes!('bert.pooler.dense.bias', undefined)).toBe(true);
  });

  it('has a dropout and a learning rate of its own', async () => {
    const base = await tinyBert();
    expect(makeHead(base, 'paper', 2).dropout).toBe(0.5);
    expect(makeHead(base, 'huggingface', 2).dropout).toBe(0.1);
    const set = makeHead(base, 'paper', 2, { dropout: 0.2, learningRate: 3 });
    expect(set.dropout).toBe(0.2);
    const { trained } = withHead({ trained: {} }, set);
    expect(Object.values(trained).map(({ learningRate }) => learningRate)).toEqual([3, 3, 3, 3]);
    expect(trained['classifier.out_proj.bias']!.init(randomStream(1, 'x'), base)).toHaveLength(2);
  });

  it('is transformers’ own alone on bases that write', async () => {
    const [gpt2, t5] = [await loadBase('gpt2'), await loadBase('t5-base')];
    for (const base of [gpt2, t5])
      expect(() => makeHead(base, 'paper', 2)).toThrow(
        'is no encoder: only the head "huggingface" fits on it, not "paper"',
      );
    const head = makeHead(gpt2, 'huggingface', 5, { learningRate: 3 });
    expect(head.tensors).toMatchObject({ 'score.weight': { shape: [5, 768], learningRate: 3 } });
    expect(head.dropout).toBe(0);
    const { 'score.weight': weight } = await initialize(head.tensors, gpt2, 1);
    const mean = weight!.reduce((sum, x) => sum + x * x, 0) / weight!.length;
    expect(Math.sqrt(mean)).toBeCloseTo(0.02, 3);
  });

  // eos_token_id and decoder_start_token_id are those of transformers 5.24's configurations.
  it.each([
    ['t5-base', 'T5', 768, { startToken: 0, endToken: 1 }],
    [tinyOf('mt5'), 'MT5', 16, { startToken: 0, endToken: 1 }],
    [tinyOf('bart'), 'Bart', 16, { startToken: 2, endToken: 2 }],
  ])('reads the decoder of %s at the last end token', async (name, className, d, ends) => {
    const base = await loadBase(name);
    const bare = { ...base, config: {} };
    expect(bare.architecture).toMatchObject({ classifier: { className } });
    const head = makeHead(bare, 'huggingface', 3);
    expect(head).toMatchObject({ pooling: 'end', ends, dropout: 0 });
    const shapes = Object.entries(head.tensors).map(([tensor, { shape }]) => [tensor, shape]);
    expect(Object.fromEntries(shapes)).toEqual({
      'classification_head.dense.weight': [d, d],
      'classification_head.dense.bias': [d],
      'classification_head.out_proj.weight': [3, d],
      'classification_head.out_proj.bias': [3],
    });
    const several = { ...bare, config: { eos_token_id: [1, 2] } };
    expect(() => makeHead(several, 'huggingface', 2)).toThrow('sets eos_token_id to [1,2]; the head reads');
  });

  it('takes the place of a decoder’s prediction of tokens', async () => {
    const llama = await loadBase('random-llama~layers=1,width=16,heads=2,vocab=24');
    const under = readBy(makeHead(llama, 'huggingface', 2), llama);
    const left = (name: string): boolean => !under.sites.some((site) => site.name === name);
    expect(llama.sites.filter(({ name }) => left(name)).map(({ name }) => name)).toEqual(['lm_head']);
    expect(Object.keys(llama.shapes).filter((name) => !(name in under.shapes))).toEqual(['lm_head.weight']);
  });

  // Names and pad_token_id of the classes and configurations of transformers 5.24.
  it.each([
    ['gpt2', 'GPT2', undefined],
    ['gpt_neox', 'GPTNeoX', undefined],
    ['llama', 'Llama', undefined],
    ['mistral', 'Mistral', undefined],
    ['qwen2', 'Qwen2', undefined],
    ['qwen3', 'Qwen3', undefined],
    ['starcoder2', 'Starcoder2', undefined],
    ['gemma2', 'Gemma2', 0],
    ['gemma3_text', 'Gemma3Text', 0],
    ['olmo2', 'Olmo2', 1],
    ['opt', 'OPT', 1],
    ['phi3', 'Phi3', 32_000],
    ['smollm3', 'SmolLM3', 128_004],
  ])('passes over the padding token of %s', async (family, className, own) => {
    const base = await loadBase(tinyOf(family));
    expect(base.architecture).toMatchObject({ kind: 'decoder', classifier: { className } });
    const architecture = { ...base.architecture, vocabulary: 200_000 };
    const padOf = (config: BaseModel['config']) =>
      makeHead({ ...base, architecture, config }, 'huggingface', 2).padToken;
    expect(padOf({ pad_token_id: 5 })).toBe(5);
    expect(padOf({})).toBe(own);
    for (const pad_token_id of [null, -1, 200_000]) expect(padOf({ pad_token_id })).toBeUndefined();
  });
});
