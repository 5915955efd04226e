// Tests of exporting encoder runs as adapters with their head.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readJson } from '../../../harness/support/read-files.ts';
import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { readPeftFolder, writePeftFolder } from '../../../harness/exchange/peft/folder.ts';
import { makeHead } from '../../../harness/models/delta/heads.ts';
import { attachMethods } from '../../../harness/runs/cell/attach-method.ts';
import { adapterOf } from '../../../harness/runs/outcome/to-adapter.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import type { TrainedRun } from '../../../harness/runs/outcome/open-run.ts';
import { parseVariant } from '../../../harness/runs/plan/variants/parse-variant.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { startOf } from '../../methods/tiny.ts';
import { baseOf } from '../../models/base-of.ts';

// The head is written in the layout of transformers' …ForSequenceClassification.
const methods = await loadMethods();

async function runOf(family: 'bert' | 'roberta', headName: 'paper' | 'huggingface' | 'mean', method: string) {
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
  const { parts, name } = parseVariant(method, methods);
  const delta = await attachMethods({ parts, name }, base);
  const head = makeHead(base, headName, 3);
  const heads = Object.entries(await startOf(base, { trained: head.tensors }, 0.3));
  return {
    base,
    delta,
    parts,
    values: await startOf(base, delta, 0.1),
    head: Object.fromEntries(heads.map(([key, data]) => [key, { shape: head.tensors[key]!.shape, data }])),
    record: {
      method: { variant: name },
      training: { steps: 5 },
      settings: { task: { name: 'mnli' }, recipe: { head: headName } },
    },
  } as unknown as TrainedRun;
}

it.each([
  ['roberta', 'paper', 'lora~rank=2', {}],
  ['roberta', 'huggingface', 'prompt~virtualTokens=2', {}],
  ['bert', 'huggingface', 'red', {}],
  // transformers' BERT pooler is tanh(Linear), which is the first part of the paper's head.
  ['bert', 'paper', 'ia3', { 'classifier.dense': 'bert.pooler.dense', 'classifier.out_proj': 'classifier' }],
] as const)('%s with the head %s under %s', async (family, headName, method, renamed) => {
  const run = await runOf(family, headName, method);
  const folder = join(await temporaryFolder(), 'adapter');
  await writePeftFolder(folder, await adapterOf(run), run.base);
  const adapter = await readPeftFolder(folder, run.base);
  const rename = (name: string): string => {
    const [ours, theirs] = Object.entries(renamed).find(([module]) => name.startsWith(`${module}.`)) ?? [
      '',
      '',
    ];
    return theirs + name.slice(ours.length);
  };
  const expected = Object.entries(run.head).map(([name, tensor]) => [rename(name), tensor]);
  expect(adapter.head).toEqual(Object.fromEntries(expected));
  expect(await readJson(join(folder, 'adapter_config.json'))).toMatchObject({
    task_type: 'SEQ_CLS',
    modules_to_save: ['classifier', 'score', ...(Object.keys(renamed).length > 0 ? ['pooler'] : [])],
  });
});

it.each(['red', 'lora~rank=2'])(
  '%s with the head mean is one of the bare encoder, the head beside it',
  async (method) => {
    const run = await runOf('roberta', 'mean', method);
    const folder = join(await temporaryFolder(), 'adapter');
    await writePeftFolder(folder, await adapterOf(run), run.base);
    const adapter = await readPeftFolder(folder, run.base);
    expect([adapter.headName, adapter.head]).toEqual(['mean', run.head]);
    expect(Object.keys(adapter.tensors).sort()).toEqual(Object.keys(run.delta.trained).sort());
    expect(await readJson(join(folder, 'adapter_config.json'))).toMatchObject({
      task_type: 'FEATURE_EXTRACTION',
      modules_to_save: null,
    });
    const { tensors } = await openSafetensors(join(folder, 'adapter_model.safetensors'));
    expect([...tensors.keys()].filter((name) => !name.startsWith('base_model.model.encoder.layer.'))).toEqual(
      [],
    );
  },
);
