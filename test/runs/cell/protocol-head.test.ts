// Runs of classes on bases that write, under the protocol `huggingface`, and what becomes of them: the record, an
// adapter and a checkpoint, each of which begins another run with the same answers.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { writePeftFolder } from '../../../harness/exchange/peft/folder.ts';
import type { Outcome } from '../../../harness/runs/execute/executor.ts';
import { findSubject } from '../../../harness/runs/evaluate/subject.ts';
import { requireEqualEnds } from '../../../harness/runs/cell/train-and-classify.ts';
import { openTrainedRun } from '../../../harness/runs/outcome/open-run.ts';
import { adapterOf } from '../../../harness/runs/outcome/to-adapter.ts';
import { writeMerged } from '../../../harness/runs/outcome/to-checkpoint.ts';
import { readJson } from '../../../harness/support/read-files.ts';
import { tinyRuns } from '../tiny-run.ts';

const tiny = await tinyRuns();
const sst2 = {
  tasks: ['sst2'],
  models: ['llama-mini'],
  data: 'built-in',
  protocol: ['huggingface'],
  limit: 24,
  maxSteps: 3,
};
const testOnly = { ...sst2, maxSteps: 0, settings: [] };

async function outputsOf({ path, record }: Outcome): Promise<number[]> {
  const text = await readFile(join(path, '..', record.files.predictions!.name), 'utf8');
  const rows = text.trim().split('\n');
  return rows.flatMap((line) => (JSON.parse(line) as { outputs: number[] }).outputs);
}

const d = 192;
it.each([
  ['llama-mini', 'Llama', 2 * d, ['score']],
  ['t5-mini', 'T5', d * d + d + 2 * d + 2, ['score', 'classification_head']],
])('trains a head on %s, which an adapter and a merged checkpoint bring along', async (...expected) => {
  const [model, className, count, modules] = expected;
  const ofModel = (name: string): string => `${name}-${model}`;
  const { outcomes } = await tiny.run(ofModel('trained'), { ...sst2, models: [model], methods: ['lora'] });
  const [trained] = outcomes as [Outcome];
  expect(trained.record).toMatchObject({
    status: 'finished',
    settings: { protocol: 'recommended huggingface', recipe: { head: 'huggingface' } },
    parameters: { head: count },
    classes: ['negative', 'positive'],
  });
  const outputs = await outputsOf(trained);
  expect(outputs).toHaveLength(2 * 24);

  const run = await openTrainedRun(trained.path);
  const [adapter, merged] = [join(tiny.folder, ofModel('adapter')), join(tiny.folder, ofModel('merged'))];
  await writePeftFolder(adapter, await adapterOf(run), run.base);
  expect(await readJson(join(adapter, 'adapter_config.json'))).toMatchObject({
    task_type: 'SEQ_CLS',
    modules_to_save: ['classifier', ...modules],
  });
  await writeMerged(run, merged, { signal: new AbortController().signal, onProgress: () => undefined });
  expect(await readJson(join(merged, 'config.json'))).toMatchObject({
    architectures: [`${className}ForSequenceClassification`],
    id2label: { 0: 'negative', 1: 'positive' },
  });
  const ofAdapter = { ...testOnly, models: [model], methods: [], adapter };
  const fromAdapter = await tiny.run(ofModel('from-adapter'), ofAdapter);
  expect(await outputsOf(fromAdapter.outcomes[0]!)).toEqual(outputs);
  const fromMerged = await tiny.run(ofModel('from-merged'), {
    ...testOnly,
    models: [merged],
    methods: ['none'],
  });
  expect(fromMerged.notes.join()).toContain('sst2 begins with the head of the checkpoint');
  // T5's attention is not scaled: in one text the rounding of merged weights grows to 2.5e-5, in the others to 5e-6.
  expect(await outputsOf(fromMerged.outcomes[0]!)).toBeAllclose(outputs, {
    atol: model === 't5-mini' ? 5e-5 : 1e-6,
  });

  const words = { ...ofAdapter, protocol: [], limit: 2 };
  const { notes } = await tiny.run(ofModel('words'), words);
  expect(notes.join()).toContain('--protocol huggingface begins with it');
  const subject = findSubject({ record: trained.path }, undefined).then((found) => found.open());
  await expect(subject).rejects.toThrow(/predicts no tokens, which evaluations need|score decoders/);
});

it('refuses texts of an encoder-decoder that differ in their number of end tokens, or have none', () => {
  const text = (...ids: number[]) => ({ ids, types: ids.map(() => 0), label: 0 });
  const head = { ends: { startToken: 0, endToken: 1 } };
  const check =
    (...texts: ReturnType<typeof text>[]) =>
    () => {
      requireEqualEnds(head, texts);
    };
  expect(check(text(5, 1, 1), text(1, 6, 7, 1))).not.toThrow();
  expect(check(text(5, 1), text(1, 5, 1), text(6, 1))).toThrow('here are 2 texts with 1, 1 text with 2.');
  expect(check(text(5), text(6))).toThrow('here are 2 texts with 0.');
  requireEqualEnds({}, [text(5), text(5, 1)]);
});

it('trains the whole base without its prediction of tokens, and refuses another head', async () => {
  const models = ['random-llama~layers=1,width=16,heads=2,vocab=4096'];
  const tokenizer = join(import.meta.dirname, '../../../harness/models/bases/built-in/llama-mini');
  const { outcomes } = await tiny.run('full', { ...sst2, models, tokenizer, methods: ['full'] });
  const [{ record, path }] = outcomes as [Outcome];
  expect(record.status).toBe('finished');
  const { values, head } = await openTrainedRun(path, { tokenizer });
  expect(Object.keys(values)).not.toContain('lm_head.weight');
  expect(Object.keys(head)).toEqual(['score.weight']);
  const mean = { ...sst2, methods: ['red'], settings: ['head=mean'] };
  await expect(tiny.run('mean', mean)).rejects.toThrow('head=mean: llama-mini is no encoder');
});

it('begins with the head of a merged classifier that lost its output weight, and writes nothing with it', async () => {
  const models = ['random-llama~layers=1,width=16,heads=2,vocab=4096'];
  const tokenizer = join(import.meta.dirname, '../../../harness/models/bases/built-in/llama-mini');
  const { outcomes } = await tiny.run('untied', { ...sst2, models, tokenizer, methods: ['lora'] });
  const [trained] = outcomes as [Outcome];
  const merged = join(tiny.folder, 'untied-merged');
  const run = await openTrainedRun(trained.path, { tokenizer });
  await writeMerged(run, merged, { signal: new AbortController().signal, onProgress: () => undefined });
  const names = [...(await openSafetensors(join(merged, 'model.safetensors'))).tensors.keys()];
  expect(names).not.toContain('lm_head.weight');

  const asBase = { ...testOnly, models: [merged], methods: ['none'] };
  const again = await tiny.run('from-untied', asBase);
  expect(again.notes.join()).toContain('sst2 begins with the head of the checkpoint');
  expect(await outputsOf(again.outcomes[0]!)).toBeAllclose(await outputsOf(trained), { atol: 1e-6 });
  const why = /checkpoint of .*untied-merged is a classifier's: it has no lm_head\.weight/;
  await expect(tiny.run('words-of-untied', { ...asBase, protocol: [] })).rejects.toThrow(why);
  const subject = findSubject({ model: merged }, undefined).then((found) => found.open());
  await expect(subject).rejects.toThrow(why);
});
