// Every method on a tiny model of each family whose blocks are put together in another way: every tensor it trains
// has a gradient, and padding and merging change nothing. methods.test.ts asks more on fewer families.
import { beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { testEngine } from '../engines.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { makeHead, readBy } from '../../harness/models/delta/heads.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { ofReal, startOf, tinyBatch, tinyPairs } from '../methods/tiny.ts';
import { compute } from '../methods/compute.ts';
import { folderOf } from '../parity/folder.ts';
import { fitting as forAll } from '../methods/fitting.ts';

/** More virtual tokens than a window sees, and more dimensions than BART has tensors. */
const fitting: typeof forAll = {
  ...forAll,
  prompt: { virtualTokens: 6 },
  intrinsic: { ...forAll.intrinsic, dimension: 128 },
};

const families = [
  ...['albert', 'deberta-v2', 'modernbert', 'bart'],
  ...['gemma3_text', 'gpt_neox', 'olmo2', 'opt', 'phi3', 'qwen3', 'smollm3', 'starcoder2'],
];
const methods = [...(await loadMethods()).values()].filter(
  ({ name, answers }) => name !== 'none' && !answers,
);
const largest = (values: Float32Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Key biases, which softmax cancels where no positions change queries and keys. */
const isCancelled = (family: string, name: string): boolean =>
  ['opt', 'albert', 'bart'].includes(family) &&
  /\.(k_proj|key)\.((red|added)\.)?(bias(\.(diff|gate|group))?|ssf\.shift)$/.test(name);

let js: Engine;
beforeAll(async () => {
  js = await testEngine('js');
});

describe.each(families)('%s', (family) => {
  let base: BaseModel;
  beforeAll(async () => {
    const bare = await loadBase(folderOf(`${family}-tiny`));
    const isEncoder = bare.architecture.kind === 'encoder';
    const whole = isEncoder ? readBy(makeHead(bare, 'huggingface', 3), bare) : bare;
    // A merged model has tensors that the checkpoint lacks.
    base = { ...whole, location: () => undefined };
  });

  it.each(methods)('$name', async (method) => {
    const dropout = 'dropout' in method.options.shape ? { dropout: 0 } : {};
    const delta = method.attach(base, method.options.parse({ ...dropout, ...fitting[method.name] }));
    const state = await startOf(base, delta, 0.1);
    const apart = base.architecture.kind === 'encoder-decoder';
    const batchOf = apart ? tinyPairs : tinyBatch;
    const { logits, gradients } = await compute(js, base, delta, state, batchOf());
    for (const [name, gradient] of Object.entries(gradients)) {
      if (!isCancelled(family, name)) expect(largest(gradient), name).toBeGreaterThan(1e-8);
    }
    const values = { ...state, ...(await initialize({ ...delta.frozen, ...delta.state }, base, 0)) };
    const merged = (): BaseModel | undefined => {
      if (!delta.merge) return undefined;
      try {
        return { ...base, ...mergeDelta(base, delta, values) };
      } catch (error) {
        if (!(error instanceof UsageError)) throw error;
        expect(error.message).toMatch(/which has no bias, and a checkpoint of \w+ cannot hold one/);
        return undefined;
      }
    };
    const whole = merged();
    // Slots count as positions of a source in transformers, so that it is padded on the right only.
    const padded = batchOf(apart ? 0 : 2, 1);
    const ours = whole
      ? await compute(js, whole, { trained: {} }, {}, padded)
      : await compute(js, base, delta, state, padded);
    expect(ofReal(base, ours.logits, padded)).toBeAllclose(logits, { atol: 1e-5 * largest(logits) });
  });
});
