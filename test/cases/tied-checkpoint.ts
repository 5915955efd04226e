// Variants of one checkpoint: tensors left out, renamed or copied, under several config.json. Golden logits
// are those of transformers, written by reports-tied-own-head/make.py.
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'vitest';
import { writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { writeMerged } from '../../harness/runs/outcome/to-checkpoint.ts';
import type { TrainedRun } from '../../harness/runs/outcome/open-run.ts';
import lora from '../../methods/lora.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { startOf } from '../methods/tiny.ts';
import { computeDecoder, type Batch } from '../parity/decoder.ts';
import { readAllTensors } from '../support/change-tensors.ts';

export interface Variant {
  readonly title: string;
  readonly change: Readonly<Record<string, unknown>>;
  /** New names of tensors; null leaves a tensor out. */
  readonly edit: Readonly<Record<string, string | null>>;
  readonly logits: readonly number[];
}

export interface Golden {
  readonly config: Readonly<Record<string, unknown>>;
  readonly ids: number[][];
  readonly source: number[][];
  readonly variants: readonly Variant[];
}

/** Reads a golden file of a case's folder. */
export function readVariants(folder: string, name: string): Golden {
  return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as Golden;
}

/** Writes the variant as a folder in Hugging Face's layout. */
export async function writeVariant(folder: string, name: string, { change, edit }: Variant): Promise<string> {
  const { config } = readVariants(folder, name);
  const tensors = await readAllTensors(join(folder, `${name}.safetensors`));
  const named = Object.entries(edit).flatMap(([key, old]) =>
    old === null ? [] : [[key, tensors[old]!] as const],
  );
  const kept = Object.entries({ ...tensors, ...Object.fromEntries(named) }).filter(
    ([key]) => edit[key] !== null,
  );
  const model = join(await temporaryFolder(), 'model');
  await mkdir(model);
  await writeFile(join(model, 'config.json'), JSON.stringify({ ...config, ...change }));
  await writeSafetensors(join(model, 'model.safetensors'), Object.fromEntries(kept));
  return model;
}

function batchOf({ ids, source }: Golden, { architecture }: BaseModel): Batch {
  const isSource = architecture.kind === 'encoder-decoder';
  // An encoder-decoder's decoder reads the labels shifted right.
  const labels = ids.map((row) => (isSource ? [...row.slice(1), 1] : row));
  const input = isSource ? source : ids;
  return { input_ids: input, attention_mask: input.map((row) => row.map(() => 1)), labels };
}

/**
 * Compares a variant's logits with transformers', and a merged method's logits with the unmerged method's.
 */
export async function checkVariant(
  engine: Engine,
  folder: string,
  name: string,
  variant: Variant,
): Promise<void> {
  const golden = readVariants(folder, name);
  const base = await loadBase(await writeVariant(folder, name, variant));
  const batch = batchOf(golden, base);
  const largest = Math.max(...variant.logits.map(Math.abs));
  const plain = await computeDecoder(engine, base, { trained: {} }, {}, batch);
  expect(plain.logits).toBeAllclose(variant.logits, { atol: 1e-5 * largest });

  const options = lora.options.parse({ rank: 2 }) as never;
  const delta = lora.attach(base, options);
  const values = await startOf(base, delta, 0.3);
  const unmerged = await computeDecoder(engine, base, delta, values, batch);
  expect(unmerged.logits).not.toBeAllclose(plain.logits, { atol: 1e-3 * largest });
  const merged = join(await temporaryFolder(), 'merged');
  const run = { base, delta, values, parts: [{ method: lora, options }], head: {}, tokenizer: { files: [] } };
  await writeMerged(run as unknown as TrainedRun, merged, {
    signal: new AbortController().signal,
    onProgress: () => undefined,
  });
  const again = await computeDecoder(engine, await loadBase(merged), { trained: {} }, {}, batch);
  expect(again.logits).toBeAllclose(unmerged.logits, { atol: 1e-5 * largest });
}
