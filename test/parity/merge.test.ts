import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { initialize, trainedShapes } from '../../harness/models/attached.ts';
import { loadBase } from '../../harness/models/base.ts';
import { mergeDelta } from '../../harness/models/merge.ts';
import { cases, type Case } from './cases.ts';
import { moreCases } from './cases-more.ts';
import { computeDecoder, type Arrays, type Batch } from './decoder.ts';
import { hasParity, parity, readGolden, readTensors } from './folder.ts';

// The reference's unmerged logits are those of the merged base.

const merged: Readonly<Record<string, RegExp>> = {
  'gpt2-tiny': /^(full|ft-top1|bitfit|lora|dora|vera|ia3|red(?!-ffn-ln))/,
  // RMSNorm holds no bias.
  'llama-tiny': /^(full|ft-top1|lora|dora|vera|ia3|red(?!-ffn-ln))/,
};

describe.each(Object.entries(merged))('%s', (model, which) => {
  const all: Case[] = [...cases(model, {}), ...moreCases(model)];
  const known = hasParity(model, 'config.json');
  const goldens = all.filter(
    ({ golden }) => which.test(golden) && (!known || hasParity(`methods/${model}/${golden}.json`)),
  );
  it.skipIf(!known).each(goldens)('$golden', async ({ golden, attach, rename }) => {
    const base = await loadBase(join(parity, model));
    const tensors = await readTensors(`methods/${model}/${golden}.safetensors`);
    const { batch } = readGolden<{ batch: Batch }>(`methods/${model}/${golden}.json`);
    const delta = attach(base);
    const values: Arrays = await initialize(delta.frozen ?? {}, base, 0);
    for (const name of Object.keys(trainedShapes(base, delta)))
      values[name] = tensors[`state.${rename(name)}`] ?? (await base.tensor(name));
    const engine = await createEngine({ name: 'js' });
    const changed = { ...base, ...mergeDelta(base, delta, values), location: () => undefined };
    const { logits } = await computeDecoder(engine, changed, { trained: {} }, {}, batch);
    const expected = tensors.logits_state ?? tensors.logits_init!;
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(logits).toBeAllclose(expected, { atol: 1e-5 * largest });
  });
});
