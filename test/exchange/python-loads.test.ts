// Tests that load.py, which `export` writes for Python, computes what deltabench does: RED and ReFT, which
// peft lacks, and heads that transformers lacks. DELTABENCH_PYTHON names a Python with transformers.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Adapter } from '../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import { makeHead } from '../../harness/models/delta/heads.ts';
import type { HeadName } from '../../harness/models/head-names.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import type { TensorSpec } from '../../harness/models/method.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { startOf, tinyBatch, tinyPairs } from '../methods/tiny.ts';
import { hasParity, folderOf } from '../parity/folder.ts';
import { attachMethod, fullOptions, logitsUnder, type AnyBatch } from './reading.ts';

const python = process.env.DELTABENCH_PYTHON;

const edits: readonly [string, object][] = [
  ['red', {}],
  ['red', { position: 'block', scaling: false }],
  ['red', { position: 'all', layerNorm: true, layers: [1] }],
  ['loreft', { rank: 2, first: 2, last: 1 }],
  ['loreft', { rank: 2, first: 1, last: 2, tied: false }],
  ['noreft', { rank: 3, first: 0, last: 3 }],
  ['consreft', { rank: 2 }],
  ['direft', { rank: 2, tied: false }],
  ['nodireft', { rank: 2 }],
  ['lobireft', { rank: 2, layers: [0] }],
];
type Written = readonly [method: string, options: object, head?: HeadName];
const headed = (given: readonly (readonly [string, object])[]): Written[] =>
  given.map(([method, options]) => [method, options, 'huggingface']);
const variants: Readonly<Record<string, readonly Written[]>> = {
  'gpt2-tiny': [...edits, ['red', {}, 'huggingface'], ['lora', { rank: 2 }, 'huggingface']],
  'llama-tiny': [
    ...edits,
    ['lora', { rank: 2, tokens: [4, 2], headTokens: [5] }],
    ['ia3', {}, 'huggingface'],
    ['prompt', { virtualTokens: 2 }, 'huggingface'],
  ],
  't5-tiny': edits,
  't5-tiny under a head': headed([...edits, ['lora', { rank: 2 }], ['ia3', {}]]),
  'bart-tiny under a head': headed([
    ['red', {}],
    ['loreft', { rank: 2 }],
    ['lora', { rank: 2, targets: ['attentionOutput', 'mlpOutput'] }],
  ]),
  'roberta-tiny': [
    ...edits.map((edit) => [...edit, 'huggingface'] as const),
    ['red', {}, 'mean'],
    ['loreft', { rank: 2 }, 'mean'],
    ['lora', { rank: 2 }, 'mean'],
    ['lora', { rank: 2, ranks: ['query:3'], alphas: ['value:5'] }, 'mean'],
    ['lokr', { rank: 2, ranks: ['query:3'], alphas: ['value:5'] }, 'mean'],
    ['fourierft', { frequencies: 20, frequenciesAt: ['value:30'] }, 'mean'],
    ['lora', { rank: 2, biasOfB: true, tokens: [4, 2] }, 'huggingface'],
    ['lora', { rank: 2, tokens: [4, 2] }, 'mean'],
    ['ia3', { whole: ['wordEmbedding'] }, 'huggingface'],
    ['ln-tuning', { targets: ['mlpNorm'], layers: [0] }, 'huggingface'],
    ['ia3', {}, 'mean'],
    ['prompt', { virtualTokens: 2 }, 'mean'],
  ],
  'bert-tiny': [
    ['red', {}, 'huggingface'],
    ['loreft', { rank: 2 }, 'mean'],
    ['lora', { rank: 2, targets: ['attentionOutput', 'mlpOutput'] }, 'mean'],
  ],
};

describe.each(Object.entries(variants))('load.py on %s', (name, methods) => {
  const [model = '', under] = name.split(' under ');
  const isKnown = hasParity(model, 'config.json');
  it.skipIf(!python || !isKnown)('computes what deltabench does', async () => {
    const base = await loadBase(folderOf(model));
    const engine = await createEngine({ name: 'js' });
    const folder = await temporaryFolder();
    const batch = under === undefined ? batchOf(base) : withEnds(batchOf(base), base);
    await writeFile(join(folder, 'batch.json'), JSON.stringify(inputsOf(base, batch, under !== undefined)));
    const written: { place: string; adapter: Adapter }[] = [];
    for (const [i, [method, options, head]] of methods.entries()) {
      const place = join(folder, `${i}-${method}`);
      const adapter = await adapterOf(base, method, options, head);
      await writePeftFolder(place, adapter, base);
      const lines = (await readFile(join(place, 'load.py'), 'utf8')).trimEnd().split('\n');
      expect(lines.length).toBeLessThanOrEqual(40);
      written.push({ place, adapter });
    }
    const args = [
      join(import.meta.dirname, 'load-py.py'),
      join(folder, 'batch.json'),
      ...written.map(({ place }) => place),
    ];
    const { stdout } = await execa(python!, args, { env: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } });
    const theirs = JSON.parse(stdout) as Record<string, number[]>;
    for (const { place, adapter } of written) {
      const ours = await logitsUnder(engine, base, adapter, batch);
      const largest = Math.max(...theirs[place]!.map(Math.abs));
      expect(ours, place).toBeAllclose(theirs[place]!, { atol: 1e-5 * largest });
    }
  });

  it.skipIf(!isKnown)('an adapter that was written is read again as it was', async () => {
    const base = await loadBase(folderOf(model));
    const folder = await temporaryFolder();
    for (const [i, [method, options, head]] of methods.entries()) {
      const adapter = await adapterOf(base, method, options, head);
      const place = join(folder, String(i));
      await writePeftFolder(place, adapter, base);
      const { tensors, head: stored, headName } = await readPeftFolder(place, base);
      expect({ tensors, head: stored }).toEqual({ tensors: adapter.tensors, head: adapter.head });
      expect(headName).toBe(head);
    }
  });
});

function batchOf({ architecture }: BaseModel): AnyBatch {
  if (architecture.kind === 'encoder-decoder') return tinyPairs(0, 2);
  const { input_ids, attention_mask, labels } = tinyBatch();
  const batch = { input_ids, attention_mask, labels };
  if (architecture.kind !== 'encoder') return batch;
  // transformers treats RoBERTa's padding token as padding at any position.
  const ids = batch.input_ids.map((row) => row.map((id) => (id === 1 ? 7 : id)));
  return { ...batch, input_ids: ids, labels: [0, 1] };
}

/** A batch whose texts end with the end token and do not have it elsewhere, as an encoder-decoder's head reads them. */
function withEnds({ input_ids, attention_mask }: AnyBatch, { config }: BaseModel): AnyBatch {
  const end = Number(config.eos_token_id);
  const ids = input_ids.map((row, i) => {
    const last = attention_mask[i]!.lastIndexOf(1);
    return row.map((id, at) => (at === last ? end : id === end ? id + 4 : id));
  });
  return { input_ids: ids, attention_mask, labels: [0, 1] };
}

/** Makes the inputs of Python's model; a classifier makes those of its decoder itself. */
function inputsOf(
  { architecture }: BaseModel,
  { labels, ...batch }: AnyBatch,
  isClassifier: boolean,
): object {
  const prompt = batch.input_ids.map((row, i) =>
    row.map((_, at) =>
      architecture.kind === 'decoder'
        ? Number((labels as number[][])[i]![at] === -100)
        : batch.attention_mask[i]![at]!,
    ),
  );
  if (architecture.kind !== 'encoder-decoder' || isClassifier) return { ...batch, prompt_mask: prompt };
  const shifted = (labels as number[][]).map((row) => [
    architecture.startToken,
    ...row.slice(0, -1).map((id) => Math.max(0, id)),
  ]);
  return { ...batch, prompt_mask: prompt, decoder_input_ids: shifted };
}

/** Makes an adapter whose trained tensors all differ from their initial values. */
async function adapterOf(
  base: BaseModel,
  method: string,
  given: object,
  headName?: HeadName,
): Promise<Adapter> {
  const delta = attachMethod(base, method, given);
  const stored = async (specs: typeof delta.trained, deviation: number): Promise<Adapter['tensors']> =>
    Object.fromEntries(
      Object.entries(await startOf(base, { trained: specs }, deviation)).map(([name, data]) => [
        name,
        { shape: specs[name]!.shape, data },
      ]),
    );
  const ofBase = unfrozenTensors(base, delta).map((name): [string, TensorSpec] => [
    name,
    { shape: base.shapes[name]!, init: async () => (await base.tensor(name)).map((x) => 0.9 * x) },
  ]);
  const tensors = await stored({ ...delta.trained, ...Object.fromEntries(ofBase) }, 0.2);
  const head = headName ? await stored(makeHead(base, headName, 3).tensors, 0.3) : {};
  const adapter = {
    method,
    options: given as Adapter['options'],
    tensors,
    head,
    ...(headName && { headName }),
  };
  return { ...adapter, options: fullOptions(adapter) };
}
