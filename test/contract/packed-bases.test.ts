// Every method on a packed base of every family computes what it does on a base of the numbers that the packed
// weights stand for: logits, loss and gradients.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { packedSites, parseBaseWeights } from '../../harness/models/bases/base-weights.ts';
import { packBase } from '../../harness/models/bases/packed-base.ts';
import { trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { compute } from '../methods/compute.ts';
import { startOf, tinyBase, tinyBases, tinyBatch, tinyPairs } from '../methods/tiny.ts';
import { fitting } from '../methods/fitting.ts';

const methods = await loadMethods();
let cache: string;
let engine: Engine;
const before = process.env.DELTABENCH_CACHE;
beforeAll(async () => {
  cache = await mkdtemp(join(tmpdir(), 'deltabench-cache-'));
  process.env.DELTABENCH_CACHE = cache;
  engine = await createEngine({ name: 'onnx', threads: 1, recompute: true });
});
afterAll(async () => {
  if (before === undefined) delete process.env.DELTABENCH_CACHE;
  else process.env.DELTABENCH_CACHE = before;
  await rm(cache, { recursive: true });
});

/** A packed base, and the base of its numbers in float32. */
async function bothBases(family: keyof typeof tinyBases, weights: string) {
  const tiny = await tinyBase(family);
  const packed = packBase(
    { ...tiny, hash: () => Promise.resolve(`tiny ${family}`) },
    parseBaseWeights(weights)!,
  );
  const plain: BaseModel = { ...tiny, tensor: (name) => packed.tensor(name) };
  return { packed, plain };
}

for (const family of Object.keys(tinyBases) as (keyof typeof tinyBases)[]) {
  describe(family, () => {
    for (const [name, method] of methods) {
      // Those of four bits go through the device's own product, those of half precision are unpacked.
      for (const weights of family === 'llama' ? ['nf4', 'bfloat16'] : ['nf4']) {
        it(`${name} on ${weights} computes what its numbers do`, async ({ skip }) => {
          const { packed, plain } = await bothBases(family, weights);
          const dropout = 'dropout' in method.options.shape ? { dropout: 0 } : {};
          const delta = method.attach(plain, method.options.parse({ ...dropout, ...fitting[name] }));
          const trained = Object.keys(trainedShapes(plain, delta));
          if (trained.some((tensor) => packedSites(plain).has(tensor))) return skip('trains packed weights');
          const start = await startOf(plain, delta, 0.1);
          const batch = plain.architecture.kind === 'encoder-decoder' ? tinyPairs() : tinyBatch();
          const ours = await compute(engine, packed, delta, start, batch);
          const theirs = await compute(engine, plain, delta, start, batch);
          expect(ours.loss).toBeCloseTo(theirs.loss, 5);
          expect(ours.logits).toBeAllclose(theirs.logits, { atol: 2e-5 });
          const largest = (values: Float32Array): number =>
            values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
          const most = Math.max(0, ...Object.values(theirs.gradients).map(largest));
          for (const [tensor, gradient] of Object.entries(theirs.gradients)) {
            const atol = 2e-5 * largest(gradient) + 1e-6 * most;
            expect(ours.gradients[tensor], tensor).toBeAllclose(gradient, { atol });
          }
        });
      }
    }
  });
}
