// Tests of merging encoder runs into checkpoints with their head.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readJson } from '../../../harness/support/read-files.ts';
import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { makeHead, readBy, withHead } from '../../../harness/models/delta/heads.ts';
import { beginHead } from '../../../harness/models/bases/stored-head.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { writeMerged } from '../../../harness/runs/outcome/to-checkpoint.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import type { TrainedRun } from '../../../harness/runs/outcome/open-run.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { startOf, tinyBatch } from '../../methods/tiny.ts';
import { baseOf } from '../../models/base-of.ts';
import { computeEncoder } from '../../parity/encoder.ts';

// The checkpoint has the layout of transformers' …ForSequenceClassification.

const methods = await loadMethods();
const engine = await createEngine({ name: 'js' });
const examples = tinyBatch().input_ids.map((ids, i) => ({ ids, types: ids.map(() => 0), label: i }));
const events = { signal: new AbortController().signal, onProgress: () => undefined };

/** Makes a run as openTrainedRun returns it, with the fields that merging reads. */
async function runOf(
  family: 'bert' | 'roberta',
  headName: 'paper' | 'huggingface' | 'mean',
  task: string,
  outputs: number,
): Promise<{ run: TrainedRun; unmerged: () => ReturnType<typeof computeEncoder> }> {
  const base = baseOf({
    model_type: family,
    vocab_size: 24,
    hidden_size: 16,
    intermediate_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    max_position_embeddings: 64,
    type_vocab_size: 1,
  });
  const variant = parseVariant('red~position=block', methods);
  const delta = await attachMethods(variant, base);
  const head = makeHead(base, headName, outputs, { dropout: 0 });
  const values = await startOf(base, delta, 0.1);
  const heads = await startOf(base, { trained: head.tensors }, 0.3);
  const stored = Object.entries(heads).map(([name, data]) => [
    name,
    { shape: head.tensors[name]!.shape, data },
  ]);
  const run = {
    base,
    delta,
    values,
    parts: variant.parts,
    head: Object.fromEntries(stored) as TrainedRun['head'],
    tokenizer: { files: [] },
    record: { settings: { task: { name: task }, recipe: { head: headName } } },
  } as unknown as TrainedRun;
  const whole = { engine, base: readBy(head, base), delta: withHead(delta, head), head };
  return { run, unmerged: () => computeEncoder(whole, { ...values, ...heads }, examples, outputs > 1) };
}

describe.each(['roberta', 'bert'] as const)('%s', (family) => {
  it.each([
    ['paper', 'mnli', 3, { 0: 'entailment', 1: 'neutral', 2: 'contradiction' }],
    ['huggingface', 'stsb', 1, { 0: 'LABEL_0' }],
  ] as const)('with the head %s, trained on %s', async (headName, task, outputs, id2label) => {
    const folder = join(await temporaryFolder(), 'merged');
    const { run, unmerged } = await runOf(family, headName, task, outputs);
    const count = await writeMerged(run, folder, events);
    const file = await openSafetensors(join(folder, 'model.safetensors'));
    expect(file.tensors.size).toBe(count);
    const kind = family === 'bert' ? 'Bert' : 'Roberta';
    expect(await readJson(join(folder, 'config.json'))).toMatchObject({
      architectures: [`${kind}ForSequenceClassification`],
      id2label,
      problem_type: outputs === 1 ? 'regression' : 'single_label_classification',
    });

    const bare = await loadBase(folder);
    const head = makeHead(bare, 'huggingface', outputs, { dropout: 0 });
    const stored: Record<string, Float32Array> = {};
    for (const name of Object.keys(head.tensors)) stored[name] = await file.read(name);
    const merged = { engine, base: readBy(head, bare), delta: withHead({ trained: {} }, head), head };
    const ours = await computeEncoder(merged, stored, examples, outputs > 1);
    const { answers } = await unmerged();
    const largest = answers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(ours.answers).toBeAllclose(answers, { atol: 1e-5 * largest });
  });

  it('with the head mean, which transformers does not have, as a bare encoder with the head beside it', async () => {
    const folder = join(await temporaryFolder(), 'merged');
    const { run, unmerged } = await runOf(family, 'mean', 'rte', 2);
    await writeMerged(run, folder, events);
    expect(await readJson(join(folder, 'config.json'))).toMatchObject({
      architectures: [family === 'bert' ? 'BertModel' : 'RobertaModel'],
    });
    const merged = await loadBase(folder);
    expect([merged.head!.name, merged.head!.outputs]).toEqual(['mean', 2]);
    const drawn = makeHead(merged, 'mean', 2, { dropout: 0 });
    const begun = beginHead(
      drawn,
      merged.head!,
      merged.architecture,
      ['entailment', 'not_entailment'],
      (name) => merged.tensor(name),
    );
    const { head } = begun as { head: typeof drawn };
    const stored = await startOf(merged, { trained: head.tensors });
    const whole = { engine, base: readBy(head, merged), delta: withHead({ trained: {} }, head), head };
    const ours = await computeEncoder(whole, stored, examples, true);
    const { answers } = await unmerged();
    const largest = answers.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    expect(ours.answers).toBeAllclose(answers, { atol: 1e-5 * largest });
  });
});
