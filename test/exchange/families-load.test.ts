// Tests that peft loads the adapters and transformers the merged folders of every family, and that both compute what
// deltabench does; DELTABENCH_PYTHON names a Python with peft.
import { readdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { execa } from 'execa';
import { expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Adapter } from '../../harness/exchange/adapter.ts';
import { writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead, readBy } from '../../harness/models/delta/heads.ts';
import { unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import type { TrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { writeMerged } from '../../harness/runs/outcome/to-checkpoint.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { startOf } from '../methods/tiny.ts';
import { folderOf, readGolden } from '../parity/folder.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod, fullOptions, logitsUnder, type AnyBatch } from './reading.ts';

const python = process.env.DELTABENCH_PYTHON;
const methods = await loadMethods();
const linears = 'query,key,value,queryKeyValue,attentionOutput,mlpUp,mlpGate,mlpGateUp,mlpOutput';
const variants: readonly (readonly [string, object])[] = [
  ['lora', { rank: 2, targets: linears.split(',') }],
  ['ia3', {}],
  ['ln-tuning', {}],
  ['vera', { rank: 3 }],
];
const families = (await readdir(dirname(folderOf('llama-tiny')))).filter((name) => name.endsWith('-tiny'));

interface Written {
  readonly base: BaseModel;
  readonly adapter: Adapter;
  readonly batch: AnyBatch;
  readonly place: string;
  readonly merged: string;
}

/** The golden batch of a family; texts that an encoder-decoder classifies end with its end token. */
function batchOf({ architecture, config }: BaseModel, model: string): AnyBatch {
  const { cases } = readGolden<{ cases: { full: { batch: AnyBatch } } }>(model, 'forward.json');
  const { input_ids, attention_mask, labels } = cases.full.batch;
  if (architecture.kind !== 'encoder-decoder') return { input_ids, attention_mask, labels };
  const end = Number(config.eos_token_id);
  const ids = input_ids.map((row) => [...row.slice(0, -1).map((id) => (id === end ? end + 3 : id)), end]);
  return { input_ids: ids, attention_mask, labels: ids.map(() => 0) };
}

/** Writes an adapter whose tensors all differ from their initial values, and its base with it merged in. */
async function write(model: string, [method, options]: (typeof variants)[number]): Promise<Written> {
  const bare = await loadBase(folderOf(model));
  const head = bare.architecture.kind === 'decoder' ? undefined : makeHead(bare, 'huggingface', 3);
  const base = head ? readBy(head, bare) : bare;
  const delta = attachMethod(base, method, options);
  const stored = async (specs: typeof delta.trained, deviation: number): Promise<Adapter['tensors']> =>
    Object.fromEntries(
      Object.entries(await startOf(base, { trained: specs }, deviation)).map(([name, data]) => [
        name,
        { shape: specs[name]!.shape, data },
      ]),
    );
  const unfrozen = unfrozenTensors(base, delta).map(
    (name) => [name, { shape: base.shapes[name]!, init: () => base.tensor(name) }] as const,
  );
  const trained = await stored({ ...delta.trained, ...Object.fromEntries(unfrozen) }, 0.2);
  const own = {
    tensors: { ...trained, ...(await stored(delta.frozen ?? {}, 0)) },
    head: head ? await stored(head.tensors, 0.2) : {},
  };
  const unparsed = { method, options: options as Adapter['options'], ...own, steps: 1 };
  const headed = { ...unparsed, ...(head && { headName: 'huggingface' as const }) };
  const adapter = { ...headed, options: fullOptions(headed) };
  const folder = await temporaryFolder();
  const [place, merged] = [join(folder, 'adapter'), join(folder, 'merged')];
  await writePeftFolder(place, adapter, base);
  const run = {
    base,
    delta,
    values: Object.fromEntries(Object.entries(own.tensors).map(([name, { data }]) => [name, data])),
    parts: parseVariant(method, methods).parts.map((part) => ({ ...part, options: adapter.options })),
    head: own.head,
    tokenizer: { files: [] },
    record: { settings: { task: { name: 'mnli' }, recipe: { head: 'huggingface' } } },
  } as unknown as TrainedRun;
  const events = { signal: new AbortController().signal, onProgress: () => undefined };
  await writeMerged(run, merged, events);
  return { base: bare, adapter, batch: batchOf(bare, model), place, merged };
}

it.skipIf(!python).each(variants)('%s of every family is loaded in Python', async (...variant) => {
  const written = await Promise.all(families.map((model) => write(model, variant)));
  const cases = written.map(({ base, batch: { input_ids, attention_mask }, place, merged }) => ({
    base: base.id,
    adapter: place,
    merged,
    inputs: { input_ids, attention_mask },
  }));
  const file = join(await temporaryFolder(), 'cases.json');
  await writeFile(file, JSON.stringify(cases));
  const args = [join(import.meta.dirname, 'families-load.py'), file];
  const { stdout } = await execa(python!, args, { env: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } });
  const theirs = JSON.parse(stdout) as Record<
    string,
    { merged: number[]; adapted: number[]; report: Record<string, string[]> }
  >;
  const engine = await createEngine({ name: 'js' });
  for (const { base, adapter, batch, place, merged } of written) {
    const { report, ...logits } = theirs[place]!;
    expect(report, `${base.family}: what transformers reports of the merged folder`).toEqual({});
    const ours = await logitsUnder(engine, base, adapter, batch);
    const largest = Math.max(...logits.adapted.map(Math.abs));
    for (const [kind, values] of Object.entries(logits))
      expect(ours, `${base.family} ${kind}`).toBeAllclose(values, { atol: 2e-5 * largest });
    expect((await loadBase(merged)).head !== undefined, base.family).toBe(
      Object.keys(adapter.head).length > 0,
    );
  }
});
