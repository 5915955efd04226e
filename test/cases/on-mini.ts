// Tests adapters on the built-in llama-mini. Golden files hold every eighth logit of the last token, from
// peft.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Adapter } from '../../harness/exchange/adapter.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { logitsUnder, type AnyBatch } from '../exchange/reading.ts';

export const base = await loadBase('llama-mini');
const engine = await createEngine({ name: 'onnx', threads: 1 });

/** Reads the adapter in a folder and compares its logits with peft's. */
export async function expectLastLogits(folder: string): Promise<Adapter> {
  const expected = readFileSync(join(folder, 'expect.json'), 'utf8');
  const { batch, logits } = JSON.parse(expected) as { batch: AnyBatch; logits: number[] };
  const adapter = await readAdapter(folder, base);
  const ours = (await logitsUnder(engine, base, adapter, batch)).slice(-base.architecture.vocabulary);
  expect(ours.filter((_, i) => i % 8 === 0)).toBeAllclose(logits, {
    atol: 1e-5 * Math.max(...logits.map(Math.abs)),
  });
  return adapter;
}
