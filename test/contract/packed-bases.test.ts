// Every method on a packed base of every family computes what it does on a base of the numbers that the packed
// weights stand for: logits, loss and gradients.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { packedSites, parseBaseWeights } from '../../harness/models/bases/base-weights.ts';
import { packBase } from '../../harness/models/bases/packed-base.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import type { Delta } from '../../harness/models/method.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { compute } from '../methods/compute.ts';
import { startOf, tinyBase, tinyBases, tinyBatch, tinyPairs } from '../methods/tiny.ts';
import { fitting } from '../methods/fitting.ts';
import { useTemporaryCache } from '../support/temporary.ts';

const methods = await loadMethods();
let engine: Engine;
useTemporaryCache();
beforeAll(async () => {
  engine = await createEngine({ name: 'onnx', threads: 1, recompute: true });
});

/** A packed base, and the base of its numbers in float32. */
function bothBases(base: BaseModel, weights: string): Bases {
  const packed = packBase(base, parseBaseWeights(weights)!);
  const plain: BaseModel = { ...base, tensor: (name) => packed.tensor(name), location: () => undefined };
  return { packed, plain };
}
interface Bases {
  readonly packed: BaseModel;
  readonly plain: BaseModel;
}

const largest = (values: Float32Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Holds a method's logits, loss and gradients equal on both bases; gives the reason where it cannot act. */
async function compareBoth({ packed, plain }: Bases, name: string, given = {}): Promise<string | undefined> {
  const method = methods.get(name)!;
  const dropout = 'dropout' in method.options.shape ? { dropout: 0 } : {};
  const options = method.options.parse({ ...dropout, ...fitting[name], ...given });
  let delta: Delta;
  try {
    delta = method.attach(plain, options);
  } catch (error) {
    if (error instanceof UsageError) return error.message;
    throw error;
  }
  const changed = [...Object.keys(trainedShapes(plain, delta)), ...(delta.edited ?? [])];
  if (changed.some((tensor) => packedSites(plain).has(tensor))) return 'changes packed weights';
  const start = await startOf(plain, delta, 0.1);
  const batch = plain.architecture.kind === 'encoder-decoder' ? tinyPairs() : tinyBatch();
  const ours = await compute(engine, packed, delta, start, batch);
  const theirs = await compute(engine, plain, delta, start, batch);
  expect(ours.loss).toBeCloseTo(theirs.loss, 5);
  expect(ours.logits).toBeAllclose(theirs.logits, { atol: 2e-5 });
  const most = Math.max(0, ...Object.values(theirs.gradients).map(largest));
  for (const [tensor, gradient] of Object.entries(theirs.gradients)) {
    const atol = 2e-5 * largest(gradient) + 1e-6 * most;
    expect(ours.gradients[tensor], tensor).toBeAllclose(gradient, { atol });
  }
  return undefined;
}

for (const family of Object.keys(tinyBases) as (keyof typeof tinyBases)[]) {
  describe(family, () => {
    for (const name of methods.keys()) {
      // Those of four bits go through the device's own product, those of half precision are unpacked.
      for (const weights of family === 'llama' ? ['nf4', 'bfloat16'] : ['nf4']) {
        it(`${name} on ${weights} computes what its numbers do`, async ({ skip }) => {
          const tiny = { ...(await tinyBase(family)), hash: () => Promise.resolve(`tiny ${family}`) };
          const reason = await compareBoth(bothBases(tiny, weights), name);
          if (reason !== undefined) skip(reason);
        });
      }
    }
  });
}

// Of the other families those methods that reach into a base in ways of their own.
const others = [
  'gemma2',
  'gemma3_text',
  'gpt_neox',
  'mistral',
  'mt5',
  'olmo2',
  'opt',
  'phi3',
  'qwen2',
  'qwen3',
];
for (const family of [...others, 'smollm3', 'starcoder2']) {
  describe(family, () => {
    for (const name of ['lora', 'dora', 'ia3', 'prefix', 'prompt', 'loreft', 'bitfit']) {
      it(`${name} on nf4 computes what its numbers do`, async ({ skip }) => {
        const base = await loadBase(join(import.meta.dirname, `../golden/parity/${family}-tiny`));
        // These have 64 positions.
        const given = name === 'prompt' ? { virtualTokens: 4 } : {};
        const reason = await compareBoth(bothBases(base, 'nf4'), name, given);
        if (reason !== undefined) skip(reason);
      });
    }
  });
}
