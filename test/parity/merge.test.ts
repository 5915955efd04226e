// Tests that merged checkpoints give the logits of the reference, which are unmerged.
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { initialize, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead, readBy, withHead } from '../../harness/models/delta/heads.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { cases, type Case } from './cases.ts';
import { moreCases } from './cases-more.ts';
import { peftGoldens } from './cases-peft.ts';
import { computeDecoder, type Arrays, type Batch } from './decoder.ts';
import { computeEncoder, examplesOf } from './encoder.ts';
import { hasParity, folderOf, readGolden, readTensors } from './folder.ts';

const everywhere = [
  'full',
  'ft-top1',
  'lora',
  'lora-all',
  'lora-rslora',
  'dora',
  'vera',
  'ia3',
  'red-ffn-scaling',
  ...peftGoldens,
  'masking',
  'diff-pruning',
];
const biases = ['red-ffn', 'red-attn', 'red-ffn_attn', 'red-ffn-bias', 'red-pp'];
const merged: Readonly<Record<string, readonly string[]>> = {
  'gpt2-tiny': [...everywhere, ...biases, 'bitfit'],
  'roberta-tiny': [...everywhere, ...biases, 'bitfit'],
  'bert-tiny': [...everywhere, ...biases, 'bitfit'],
  // Merging gives Llama's linears biases, but RMSNorm cannot have any.
  'llama-tiny': [...everywhere, ...biases],
  't5-tiny': everywhere,
};

const engine = await createEngine({ name: 'js' });

describe.each(Object.entries(merged))('%s', (model, mergeable) => {
  const all: Case[] = [...cases(model, {}), ...moreCases(model)];
  const known = hasParity(model, 'config.json');
  const goldens = all.filter(
    ({ golden }) => mergeable.includes(golden) && (!known || hasParity(`methods/${model}/${golden}.json`)),
  );
  it.skipIf(!known).each(goldens)('$golden', async ({ golden, attach, rename }) => {
    const tensors = await readTensors(`methods/${model}/${golden}.safetensors`);
    const expected = tensors.logits_state ?? tensors.logits_init!;
    const largest = expected.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const bare = await loadBase(folderOf(model));
    const valuesOf = async (base: BaseModel, delta: Delta): Promise<Arrays> => {
      const values = await initialize({ ...delta.frozen, ...delta.state }, base, 0);
      for (const name of Object.keys(trainedShapes(base, delta)))
        values[name] = tensors[`state.${rename(name)}`] ?? (await base.tensor(name));
      return values;
    };
    const merge = (base: BaseModel, delta: Delta, values: Arrays): BaseModel => ({
      ...base,
      ...mergeDelta(base, delta, values),
      location: () => undefined,
    });

    if (bare.architecture.kind !== 'encoder') {
      const delta = attach(bare);
      const base = merge(bare, delta, await valuesOf(bare, delta));
      const { batch } = readGolden<{ batch: Batch }>(`methods/${model}/${golden}.json`);
      const { logits } = await computeDecoder(engine, base, { trained: {} }, {}, batch);
      expect(logits).toBeAllclose(expected, { atol: 1e-5 * largest });
      return;
    }
    // The head is trained beside the method, and its tensors lie in the model's file.
    const head = makeHead(bare, 'huggingface', 3);
    const base = readBy(head, bare);
    const delta = attach(base);
    const stored = await readTensors(model, 'model.safetensors');
    const ofHead = Object.keys(head.tensors).map((name) => {
      const found = Object.keys(tensors).find((key) => key.startsWith('state.') && key.endsWith(`.${name}`));
      return [name, found === undefined ? stored[name]! : tensors[found]!] as const;
    });
    const whole = { engine, base: merge(base, delta, await valuesOf(base, delta)), head };
    const { batch } = readGolden<{ batch: Parameters<typeof examplesOf>[0] }>(
      `methods/${model}/${golden}.json`,
    );
    const run = { ...whole, delta: withHead({ trained: {} }, head) };
    const { answers } = await computeEncoder(run, Object.fromEntries(ofHead), examplesOf(batch), true);
    expect(answers).toBeAllclose(expected, { atol: 1e-5 * largest });
  });
});
