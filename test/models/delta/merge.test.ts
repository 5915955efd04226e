// Tests of merging that test/contract leaves open: options other than the defaults, several methods at once,
// missing biases and refusals.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { makeHead, readBy, withHead } from '../../../harness/models/delta/heads.ts';
import { mergeDelta } from '../../../harness/models/delta/merge.ts';
import type { Delta } from '../../../harness/models/method.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { startOf, tinyBase, tinyBatch } from '../../methods/tiny.ts';
import { computeDecoder, type Arrays } from '../../parity/decoder.ts';
import { computeEncoder } from '../../parity/encoder.ts';
import { baseOf } from '../base-of.ts';

const methods = await loadMethods();
const batch = tinyBatch();
let base: BaseModel;
let engine: Engine;
beforeAll(async () => {
  base = await tinyBase();
  engine = await createEngine({ name: 'js' });
});

const attached = (text: string, to = base): Promise<Delta> => attachMethods(parseVariant(text, methods), to);

const llama = baseOf({
  model_type: 'llama',
  vocab_size: 24,
  hidden_size: 16,
  intermediate_size: 24,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  max_position_embeddings: 64,
});
const t5 = baseOf({
  model_type: 't5',
  vocab_size: 24,
  d_model: 16,
  d_kv: 4,
  d_ff: 24,
  num_layers: 2,
  num_heads: 4,
});

async function valuesOf(delta: Delta, of = base): Promise<{ state: Arrays; values: Arrays }> {
  const state = await startOf(of, delta, 0.1);
  return { state, values: { ...state, ...(await initialize(delta.frozen ?? {}, of, 0)) } };
}

/** Merges, expects the same logits as unmerged, and returns the merged base. */
async function expectSame(of: BaseModel, text: string): Promise<BaseModel> {
  const delta = await attached(text, of);
  const { state, values } = await valuesOf(delta, of);
  const { logits } = await computeDecoder(engine, of, delta, state, batch);
  const merged = { ...of, ...mergeDelta(of, delta, values) };
  const alone = await computeDecoder(engine, merged, { trained: {} }, {}, batch);
  const largest = logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(alone.logits).toBeAllclose(logits, { atol: 1e-5 * largest });
  return merged;
}

const everyLinear = 'targets=queryKeyValue,attentionOutput,mlpUp,mlpOutput';

describe('merged equals unmerged', () => {
  it.each([
    `lora~rank=2~${everyLinear}`,
    'lora~rank-stabilized=true',
    `dora~rank=2~${everyLinear}`,
    `vera~rank=8~${everyLinear}`,
    `adalora~rank=4~target-rank=2~${everyLinear}`,
    'ia3~targets=queryKeyValue,mlpUp~feed-forward=mlpOutput,attentionOutput',
    'red~no-scaling',
    'red~no-bias~position=attn',
    'red~position=all~layers=1',
    // The order matters: each method edits the output of the one before it.
    'lora+red~position=all',
    'red+lora~position=all',
    'bitfit+dora',
    'red+dora~red.position=all',
    'dora+ssf',
    'ia3+lora~lora.targets=mlpOutput,queryKeyValue',
    'lora+ia3~lora.targets=mlpOutput,queryKeyValue',
    'ft-top2+vera~vera.rank=8',
  ])('%s', async (text) => {
    const { shapes } = await expectSame(base, text);
    expect(shapes).toEqual(base.shapes);
  });

  it.each([
    ['lora', {}],
    ['dora', {}],
    ['vera~rank=8', {}],
    ['ia3', {}],
    ['red~no-bias', {}],
    ['red', { mlp_bias: true }],
    ['red~position=attn', { attention_bias: true }],
    ['lora+red~position=all', { attention_bias: true, mlp_bias: true }],
  ])('%s on Llama, which gets the biases that it lacks: %j', async (text, settings) => {
    const merged = await expectSame(llama, text);
    expect(merged.config).toEqual({ ...llama.config, ...settings });
    const sites = merged.sites.filter(({ kind, bias }) => kind === 'linear' && bias);
    const expected = Object.keys(settings).length === 0 ? 0 : settings;
    expect(sites.length > 0).toBe(expected !== 0);
    for (const { name, outputs } of sites) expect(await merged.tensor(`${name}.bias`)).toHaveLength(outputs);
  });
});

/** Makes a random encoder with norms after its sublayers; head tensors lie beside the method's. */
const encoder = (family: 'bert' | 'roberta'): BaseModel =>
  baseOf({
    model_type: family,
    vocab_size: 24,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    max_position_embeddings: 64,
    type_vocab_size: 1,
  });

describe.each(['roberta', 'bert'] as const)('merged equals unmerged on %s', (family) => {
  const bare = encoder(family);
  const head = makeHead(bare, 'huggingface', 3, { dropout: 0 });
  const of = readBy(head, bare);
  const examples = tinyBatch().input_ids.map((ids, i) => ({ ids, types: ids.map(() => 0), label: i }));

  it.each([
    'full',
    'lora~rank=2',
    'dora~rank=2',
    'vera~rank=8',
    'adalora~rank=4~target-rank=2',
    'ia3',
    'bitfit',
    'ssf',
    'red~position=all',
    // A block ends with a norm: the edit of the block is merged into that norm, after the norm's own edit.
    'red~position=block',
    'red+ssf~position=block',
    'ssf+red~position=block',
  ])('%s', async (text) => {
    const delta = await attached(text, of);
    const { values } = await valuesOf(delta, of);
    const heads = await startOf(of, { trained: head.tensors }, 0.3);
    const state = { ...(await startOf(of, delta, 0.1)), ...heads };
    const forward = { engine, head, differentiated: false, states: true };
    const edited = { ...forward, base: of, delta: withHead(delta, head) };
    const unmerged = await computeEncoder(edited, state, examples, true);
    const merged = { ...of, ...mergeDelta(of, delta, values) };
    const plain = { ...forward, base: merged, delta: withHead({ trained: {} }, head) };
    const { hidden, answers } = await computeEncoder(plain, heads, examples, true);
    const largest = (list: Float32Array): number => list.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(hidden!).toBeAllclose(unmerged.hidden!, { atol: 1e-5 * largest(unmerged.hidden!) });
    expect(answers).toBeAllclose(unmerged.answers, { atol: 1e-5 * largest(unmerged.answers) });
  });
});

describe('what cannot be merged is refused with the reason', () => {
  it.each([
    ['prefix', /no fixed linear change/],
    ['loreft', /no fixed linear change/],
    ['lora+adapter', /no fixed linear change/],
    [
      'red~position=block',
      /it edits transformer\.h\.0 after the residual, where no weights of the base follow/,
    ],
    [
      'red',
      /merged into t5: it shifts the output of encoder\.block\.0\.layer\.1\.DenseReluDense\.wo, which has no bias/,
      t5,
    ],
    [
      'bitfit',
      /t5: it shifts the output of \S+, which has no bias, and a checkpoint of t5 cannot hold one/,
      t5,
    ],
    ['ssf', /llama: it shifts the output of model\.layers\.0\.input_layernorm, which has no bias/, llama],
  ])('%s', async (text, reason, of = base) => {
    const delta = await attached(text, of);
    const { values } = await valuesOf(delta, of);
    expect(() => mergeDelta(of, delta, values)).toThrow(reason);
  });
});
