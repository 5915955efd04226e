// Tests that peft loads what deltabench writes and computes the same; DELTABENCH_PYTHON names a Python with
// peft.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Adapter } from '../../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../../harness/exchange/peft/folder.ts';
import { initialize, unfrozenTensors } from '../../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { makeHead } from '../../../harness/models/delta/heads.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { hasParity, folderOf, readGolden } from '../../parity/folder.ts';
import { attachMethod, fullOptions, logitsUnder, type AnyBatch } from '../reading.ts';

const python = process.env.DELTABENCH_PYTHON;

const linears = [
  'query',
  'key',
  'value',
  'queryKeyValue',
  'attentionOutput',
  'mlpUp',
  'mlpGate',
  'mlpOutput',
];
const variants: readonly [string, object][] = [
  ['lora', { rank: 3, alpha: 5, dropout: 0.1 }],
  ['lora', { rank: 2, rankStabilized: true, targets: linears }],
  ['lora', { rank: 2, targets: ['attentionOutput'] }],
  [
    'lora',
    { rank: 2, layers: [1], targets: linears, ranks: ['attentionOutput:3'], alphas: ['mlpOutput:0.5'] },
  ],
  ['dora', { rank: 3, targets: linears }],
  ['dora', { rank: 3, rankStabilized: true, targets: linears, ranks: ['attentionOutput:1'] }],
  ['adalora', { rank: 4, targetRank: 2, initialSteps: 0.1, finalSteps: 3 }],
  ['vera', { rank: 5, targets: linears }],
  ['ia3', {}],
  ['ia3', { targets: ['mlpUp'], feedForward: ['attentionOutput'], layers: [0] }],
  ['prompt', { virtualTokens: 4 }],
  ['p-tuning', { virtualTokens: 4, hidden: 9 }],
];
const ofLoraKind: readonly [string, object][] = [
  ['rslora', { rank: 3, alpha: 5 }],
  ['lora-plus', { rank: 3 }],
  ['pissa', { rank: 3, alpha: 5, targets: linears, ranks: ['attentionOutput:2'] }],
  ['ln-tuning', {}],
  ['fourierft', { frequencies: 40, scale: 20, placesKey: 5, targets: linears }],
  ['randlora', { rank: 5, alpha: 40, targets: linears }],
];
/** Methods that peft refuses on the Conv1D modules of GPT-2. */
const onLinear: readonly [string, object][] = [
  ['loha', { rank: 3, alpha: 5, targets: linears }],
  ['lokr', { rank: 2, alpha: 5, targets: linears }],
  ['lokr', { rank: 1, both: true, factor: 4 }],
  ['oft', { blockSize: 4, targets: linears }],
  ['oft', { blockSize: 4, shared: true, terms: 7 }],
  ['oft', { blockSize: 4, exact: true }],
  ['oft', { blockSize: 4, distance: 0.2 }],
  ['hra', { rank: 4, targets: linears }],
  ['hra', { rank: 3, orthogonal: true }],
  ['miss', { rank: 5, dropout: 0.1, targets: linears }],
  ['miss', { rank: 8, outputs: 4, layers: [1] }],
  ['miss', { rank: 4, bat: true }],
];
const prefixes: readonly [string, object][] = [
  ['prefix', { virtualTokens: 3 }],
  ['prefix', { virtualTokens: 3, projection: true, hidden: 7 }],
];

describe.skipIf(!python)('peft', () => {
  for (const model of ['gpt2-tiny', 'llama-tiny', 'roberta-tiny', 'bert-tiny', 't5-tiny', 'bart-tiny']) {
    describe.skipIf(!hasParity(model, 'config.json'))(model, () => {
      it('computes with what deltabench writes as deltabench does', async () => {
        expect(await compare(model, variants)).toBeUndefined();
      });

      it('does so with relatives of LoRA', async () => {
        expect(await compare(model, ofLoraKind)).toBeUndefined();
      });

      it('does so with methods of Linear modules, and writes none for Conv1D', async () => {
        if (model !== 'gpt2-tiny') {
          expect(await compare(model, onLinear)).toBeUndefined();
          return;
        }
        const base = await loadBase(folderOf(model));
        const folder = join(await temporaryFolder(), 'adapter');
        for (const [method, options] of onLinear) {
          const adapter = await perturbed(base, method, options);
          await expect(writePeftFolder(folder, adapter, base)).rejects.toThrow(
            /^peft's \w+ acts on torch.nn.Linear alone and refuses the Conv1D modules of .*; "merge" writes/,
          );
        }
      });

      it('does so with prefixes, where it runs them on this model', async ({ skip }) => {
        const refusal = await compare(model, prefixes);
        // transformers 5.24 calls an encoder's past_key_values `cache`, and peft 0.21.2 looks for the old
        // name.
        skip(refusal !== undefined, refusal);
      });
    });
  }
});

/** Compares peft's numbers with deltabench's; returns peft's refusal where it cannot run on the model. */
async function compare(model: string, methods: typeof variants): Promise<string | undefined> {
  const base = await loadBase(folderOf(model));
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const { cases } = readGolden<{ cases: { full: { batch: AnyBatch } } }>(model, 'forward.json');
  const { batch } = cases.full;
  const folder = await temporaryFolder();
  const { labels, ...others } = batch;
  const inputs = { ...others, ...decoderInput(base, labels) };
  await writeFile(join(folder, 'batch.json'), JSON.stringify(inputs));
  const adapters: { folder: string; adapter: Adapter }[] = [];
  for (const [i, [method, options]] of methods.entries()) {
    const place = join(folder, `${i}-${method}`);
    const adapter = await perturbed(base, method, options);
    await writePeftFolder(place, adapter, base);
    adapters.push({ folder: place, adapter });
  }
  const script = join(import.meta.dirname, 'peft-logits.py');
  const args = [script, base.id, join(folder, 'batch.json'), ...adapters.map(({ folder }) => folder)];
  const { stdout } = await execa(python!, args, { env: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } });
  const theirs = JSON.parse(stdout) as
    Record<string, { logits: number[]; same: boolean }> | { refusal: string };
  if (typeof theirs.refusal === 'string') return theirs.refusal;
  for (const { folder: place, adapter } of adapters) {
    const { logits, same } = (theirs as Exclude<typeof theirs, { refusal: string }>)[place]!;
    const ours = await logitsUnder(engine, base, adapter, batch);
    const largest = Math.max(...logits.map(Math.abs));
    expect(same, `peft saves ${place} again as it was`).toBe(true);
    // RandLoRA sums many products: on T5 peft's float32 is itself 2.1e-5 from its float64.
    const tolerance = adapter.method === 'randlora' ? 3e-5 : 1e-5;
    expect(ours, place).toBeAllclose(logits, { atol: tolerance * largest });
    const back = await readPeftFolder(place, base);
    expect(await logitsUnder(engine, base, back, batch), place).toBeAllclose(ours, { atol: 1e-6 * largest });
  }
  return undefined;
}

/** Gives an encoder-decoder's decoder input: the labels, shifted right. */
function decoderInput(
  { architecture }: BaseModel,
  labels: AnyBatch['labels'],
): { decoder_input_ids?: number[][] } {
  if (architecture.kind !== 'encoder-decoder') return {};
  const shifted = (row: number[]): number[] => [
    architecture.startToken,
    ...row.slice(0, -1).map((id) => Math.max(0, id)),
  ];
  return { decoder_input_ids: (labels as number[][]).map(shifted) };
}

/** Makes an adapter whose trained tensors all differ from their initial values. */
async function perturbed(base: BaseModel, method: string, given: object): Promise<Adapter> {
  const delta = attachMethod(base, method, given);
  const unfrozen = unfrozenTensors(base, delta).map(
    (name) => [name, { shape: base.shapes[name]!, init: () => base.tensor(name) }] as const,
  );
  const trained = { ...delta.trained, ...Object.fromEntries(unfrozen) };
  const specs = { ...trained, ...delta.frozen };
  const values = await initialize(specs, base, 1);
  const tensors: Record<string, Adapter['tensors'][string]> = {};
  for (const [name, { shape }] of Object.entries(specs)) {
    const data = values[name]!;
    const noise = randomStream(2, name).normal(data.length, 0, 0.1);
    tensors[name] = { shape, data: name in trained ? data.map((v, i) => v + noise[i]!) : data };
  }
  // Dropped singular values of AdaLoRA, unevenly spread.
  if (delta.state?.dropped) {
    const { shape } = delta.state.dropped;
    const data = Float32Array.from({ length: shape[0]! }, (_, i) => (i % 3 === 1 ? 1 : 0));
    tensors.dropped = { shape, data };
    const values = Object.keys(tensors).filter((name) => name.endsWith('.lora_E'));
    values.forEach((name, site) => {
      tensors[name]!.data.forEach((_, k, all) => (all[k]! *= 1 - data[site * all.length + k]!));
    });
  }
  const head: Record<string, Adapter['head'][string]> = {};
  if (base.architecture.kind === 'encoder') {
    for (const [name, { shape, init }] of Object.entries(makeHead(base, 'huggingface', 3).tensors)) {
      head[name] = { shape, data: await init(randomStream(3, name), base) };
    }
  }
  const adapter = { method, options: given as Adapter['options'], tensors, head, steps: 100 };
  return { ...adapter, options: fullOptions(adapter) };
}
