// Tests of adapters that peft saved: read here, they give peft's numbers. Golden files are written by
// make-adapters.py in this folder.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { startFrom, type Adapter } from '../../harness/exchange/adapter.ts';
import { writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { temporaryFolder } from '../support/temporary.ts';
import {
  attachMethod,
  fullOptions,
  logitsUnder,
  statesUnder,
  trainedUnder,
  type AnyBatch,
} from '../exchange/reading.ts';

interface Expected {
  readonly base: string;
  readonly batch: AnyBatch;
  /** Logits of the batch; an adapter over a bare model has hidden states [B, T, d] instead. */
  readonly logits?: number[];
  readonly states?: number[];
}

const here = import.meta.dirname;
export const engine = await createEngine({ name: 'onnx', threads: 1 });

/** Lists the folders of a case, one per adapter. */
export function variantsOf(name: string): string[] {
  return readdirSync(join(here, name)).sort();
}

/** Opens a golden adapter: its folder, its base and peft's results. */
export async function openGolden(
  name: string,
  variant: string,
): Promise<{ folder: string; base: BaseModel; expected: Expected }> {
  const folder = join(here, name, variant);
  const expected = JSON.parse(readFileSync(join(folder, 'expect.json'), 'utf8')) as Expected;
  return { folder, expected, base: await loadBase(join(here, 'adapter-bases', expected.base)) };
}

/** Defines tests that the loss and its gradients under these adapters are peft's. */
export function describeGradients(name: string, variants: readonly string[]): void {
  it.each(variants)(`${name}: %s trains as in peft`, async (variant) => {
    const { folder, base, expected } = await openGolden(name, variant);
    const golden = JSON.parse(readFileSync(join(folder, 'gradients.json'), 'utf8')) as {
      readonly loss: number;
      readonly gradients: Readonly<Record<string, number[]>>;
    };
    const { loss, gradients } = await trainedUnder(
      engine,
      base,
      await readAdapter(folder, base),
      expected.batch,
    );
    expect([loss]).toBeAllclose([golden.loss], { atol: 1e-5 });
    const ofPeft = Object.entries(golden.gradients).map(([key, data]) => [ownName(key), data] as const);
    expect(Object.keys(gradients).sort()).toEqual(ofPeft.map(([key]) => key).sort());
    for (const [key, data] of ofPeft) expect(gradients[key]).toBeAllclose(data, { rtol: 1e-4, atol: 1e-5 });
  });
}

/** The name here of a parameter of peft's model. */
const ownName = (key: string): string =>
  key
    .replace(/^base_model\.model\./, '')
    .replace('.base_layer.', '.')
    .replace('.modules_to_save.weight', '.copy');

/** Defines tests of all adapters of a case: reading, rewriting and merging keep peft's numbers. */
export function describeAdapters(name: string, variants: readonly string[] = variantsOf(name)): void {
  describe.each(variants)(`${name}: %s`, (variant) => {
    const open = async () => {
      const golden = await openGolden(name, variant);
      return { ...golden, adapter: await readAdapter(golden.folder, golden.base) };
    };

    it("computes peft's numbers", async () => {
      const { base, adapter, expected } = await open();
      const { batch, logits, states } = expected;
      const ours = await (states ? statesUnder : logitsUnder)(engine, base, adapter, batch);
      expect(ours).toBeAllclose(logits ?? states!, { atol: 1e-5 });
    });

    it('is the same adapter, written and read again', async () => {
      const { base, adapter, expected } = await open();
      const full = { ...adapter, options: fullOptions(adapter), steps: 10 };
      const copy = join(await temporaryFolder(), 'adapter');
      await writePeftFolder(copy, full, base);
      const again = await readAdapter(copy, base);
      expect(fullOptions(again)).toEqual(full.options);
      expect(again.tensors).toEqual(adapter.tensors);
      expect(again.head).toEqual(adapter.head);
      expect(expected.batch.input_ids).toHaveLength(2);
    });

    it('merges into the base, where its method does', async () => {
      const { base, adapter, expected } = await open();
      const { delta } = startFrom(base, attachMethod(base, adapter.method, adapter.options), adapter, 'it');
      if (!delta.merge) return;
      const values = Object.entries(adapter.tensors).map(([key, { data }]) => [key, data] as const);
      const merged = mergeDelta(base, delta, Object.fromEntries(values));
      const whole = { ...base, ...merged, location: () => undefined };
      const none: Adapter = { method: 'none', options: {}, tensors: {}, head: adapter.head };
      const { batch, logits, states } = expected;
      const ours = await (states ? statesUnder : logitsUnder)(engine, whole, none, batch);
      expect(ours).toBeAllclose(logits ?? states!, { atol: 1e-5 });
    });
  });
}
