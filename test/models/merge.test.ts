import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { initialize } from '../../harness/models/attached.ts';
import { mergeDelta } from '../../harness/models/merge.ts';
import type { BaseModel, Delta } from '../../harness/models/types.ts';
import { attach } from '../../harness/runs/attach.ts';
import { loadMethods } from '../../harness/runs/plugins.ts';
import { parseVariant } from '../../harness/runs/variant.ts';
import { startOf, tinyBase, tinyBatch } from '../methods/tiny.ts';
import { computeDecoder, type Arrays } from '../parity/decoder.ts';

// What the contract's merging of every method with its defaults leaves open.

const methods = await loadMethods();
const batch = tinyBatch();
let base: BaseModel;
let engine: Engine;
beforeAll(async () => {
  base = await tinyBase();
  engine = await createEngine({ name: 'js' });
});

const attached = (text: string): Promise<Delta> => attach(parseVariant(text, methods), base);

async function valuesOf(delta: Delta): Promise<{ state: Arrays; values: Arrays }> {
  const state = await startOf(base, delta, 0.1);
  return { state, values: { ...state, ...(await initialize(delta.frozen ?? {}, base, 0)) } };
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
    // Left to right and the other way round: each sees what the one before it makes.
    'lora+red~position=all',
    'red+lora~position=all',
    'bitfit+dora',
    'red+dora~red.position=all',
    'dora+ssf',
    'ia3+lora~lora.targets=mlpOutput,queryKeyValue',
    'lora+ia3~lora.targets=mlpOutput,queryKeyValue',
    'ft-top2+vera~vera.rank=8',
  ])('%s', async (text) => {
    const delta = await attached(text);
    const { state, values } = await valuesOf(delta);
    const { logits } = await computeDecoder(engine, base, delta, state, batch);
    const merged = { ...base, ...mergeDelta(base, delta, values) };
    const alone = await computeDecoder(engine, merged, { trained: {} }, {}, batch);
    const largest = logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(alone.logits).toBeAllclose(logits, { atol: 1e-5 * largest });
    expect(Object.keys(merged.shapes)).toEqual(Object.keys(base.shapes));
  });
});

describe('what cannot be merged is refused with the reason', () => {
  it.each([
    ['prefix', /no fixed linear change/],
    ['loreft', /no fixed linear change/],
    ['lora+adapter', /no fixed linear change/],
    ['red~position=block', /it edits transformer\.h\.0 after the residual, where no weights of the base follow/],
  ])('%s', async (text, reason) => {
    const delta = await attached(text);
    const { values } = await valuesOf(delta);
    expect(() => mergeDelta(base, delta, values)).toThrow(reason);
  });
});
