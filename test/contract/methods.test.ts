// Properties that every method must have, on a tiny base of each family: initial identity, gradients,
// determinism, merging and padding.
import { beforeAll, describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { testEngine } from '../engines.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { initialize, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import type { Delta, Method } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import { ofReal, startOf, tinyBase, tinyBases, tinyBatch, tinyPairs } from '../methods/tiny.ts';
import { compute, takeSteps } from '../methods/compute.ts';
import type { Arrays } from '../parity/decoder.ts';
import { fitting } from '../methods/fitting.ts';

/** Methods that leave the base's function unchanged at the start. */
const startsAsBase = new Set([
  'full',
  'ft-top2',
  'bitfit',
  'diff-pruning',
  'hra',
  'intrinsic',
  'ln-tuning',
  'loha',
  'lokr',
  'lora',
  'lora-plus',
  'miss',
  'oft',
  'pissa',
  'randlora',
  'rslora',
  'dora',
  'adalora',
  'vera',
  'ia3',
  'red',
  'parallel-adapter',
]);

/** Methods whose reference detaches a part of the function, so that finite differences do not apply. */
const stopsGradient = new Set(['dora', 'masking']);

const methods = await loadMethods();
const families = Object.keys(tinyBases) as (keyof typeof tinyBases)[];
let base: BaseModel;
let js: Engine;
let onnx: Engine;
beforeAll(async () => {
  js = await testEngine('js');
  onnx = await testEngine('onnx');
});

function attach(method: Method): Delta {
  const dropout = 'dropout' in method.options.shape ? { dropout: 0 } : {};
  return method.attach(base, method.options.parse({ ...dropout, ...fitting[method.name] }));
}

const largest = (values: Float32Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** False for key biases: softmax cancels them, so their gradient is rounding noise. */
function hasGradient(name: string, index: number, length: number): boolean {
  if (base.family === 't5' && /\.k\.(added\.bias|ssf\.shift)$/.test(name)) return false;
  if (
    base.family === 'roberta' &&
    /\.key\.((red|added)\.)?(bias(\.(diff|gate|group))?|ssf\.shift)$/.test(name)
  )
    return false;
  const third = Math.floor((3 * index) / length);
  return !(/\.c_attn\.((red|added)\.)?bias(\.diff|\.gate)?$/.test(name) && third === 1);
}

function expectSameGradients(actual: Arrays, expected: Arrays, tolerance: number): void {
  const most = Math.max(...Object.values(expected).map(largest));
  for (const [name, gradient] of Object.entries(expected)) {
    const keep = (values: Float32Array): Float32Array =>
      values.filter((_, i) => hasGradient(name, i, values.length));
    const kept = keep(gradient);
    const atol = tolerance * largest(kept) + 1e-7 * most;
    expect(keep(actual[name]!), name).toBeAllclose(kept, { atol });
  }
}

// `none` trains only the head of a task, and these bases have none.
const names = [...methods.keys()].filter((name) => name !== 'none' && !methods.get(name)!.answers);
const cases = families.flatMap((family) => names.map((name) => [family, name] as const));
describe.each(cases)('%s: %s', (family, name) => {
  const method = methods.get(name)!;
  const batchOf = family === 't5' ? tinyPairs : tinyBatch;
  const batch = batchOf();
  beforeAll(async () => {
    base = await tinyBase(family);
  });

  if (startsAsBase.has(name)) {
    it('is the identity at the start', async () => {
      const alone = await compute(js, base, { trained: {} }, {}, batch);
      const delta = attach(method);
      const { logits } = await compute(js, base, delta, await startOf(base, delta), batch, false);
      expect(logits).toBeAllclose(alone.logits, { atol: 1e-5 * largest(alone.logits) });
    });
  }

  it('trains what it declares and nothing else, by the same bits each time', async () => {
    const before = new Map<string, Float32Array>();
    for (const tensor of Object.keys(base.shapes)) before.set(tensor, (await base.tensor(tensor)).slice());
    const run = async (): Promise<{ start: Arrays; losses: number[]; final: Arrays }> => {
      const delta = attach(method);
      const start = await startOf(base, delta);
      const rates = { lrs: [0.01, 0.01, 0.01], optimizer: 'adamw', weight_decay: 0 } as const;
      return {
        start,
        ...(await takeSteps(js, base, delta, start, batch, { ...rates, lrs: [...rates.lrs] })),
      };
    };
    const first = await run();
    expect(Object.keys(first.final).sort()).toEqual(Object.keys(trainedShapes(base, attach(method))).sort());
    for (const [tensor, values] of Object.entries(first.final)) {
      expect(values, `${tensor} stands still`).not.toEqual(first.start[tensor]);
    }
    expect(first.losses.at(-1)).toBeLessThan(first.losses[0]!);
    for (const [tensor, values] of before) expect(await base.tensor(tensor), tensor).toEqual(values);
    expect(await run()).toEqual(first);
  });

  it('gives every tensor a gradient, the same on every engine and by differences of the loss', async () => {
    const delta = attach(method);
    const state = await startOf(base, delta, 0.1);
    const { loss, logits, gradients } = await compute(js, base, delta, state, batch);
    for (const [tensor, gradient] of Object.entries(gradients)) {
      const kept = gradient.filter((_, i) => hasGradient(tensor, i, gradient.length));
      if (kept.length > 0) expect(largest(kept), tensor).toBeGreaterThan(1e-8);
    }

    const recorded = await compute(onnx, base, delta, state, batch);
    expect(recorded.loss).toBeCloseTo(loss, 5);
    expect(recorded.logits).toBeAllclose(logits, { atol: 1e-5 * largest(logits) });
    expectSameGradients(recorded.gradients, gradients, 2e-5);

    if (stopsGradient.has(name)) return;
    // Normalised gradients give every tensor the same share of the step, so that the largest hides none.
    const norms = Object.fromEntries(
      Object.entries(gradients).map(([tensor, gradient]) => [tensor, Math.hypot(...gradient)]),
    );
    const expected = Object.values(norms).reduce((sum, norm) => sum + norm, 0);
    // A small step avoids crossing the kink of ReLU.
    const step = Math.min(0.0005 / expected, 0.01);
    const moved = (by: number): Arrays =>
      Object.fromEntries(
        Object.entries(state).map(([tensor, values]) => {
          const gradient = gradients[tensor]!;
          const share = by / norms[tensor]!;
          return [tensor, values.map((x, i) => x + share * gradient[i]!)];
        }),
      );
    const lossAt = async (by: number): Promise<number> =>
      (await compute(js, base, delta, moved(by), batch, false)).loss;
    expect(((await lossAt(step)) - (await lossAt(-step))) / (2 * step) / expected).toBeCloseTo(1, 2);
  });

  it('computes the same merged into the base, where it can be', async ({ skip }) => {
    const delta = attach(method);
    if (!delta.merge) return skip('it cannot be merged');
    const state = await startOf(base, delta, 0.1);
    const { logits } = await compute(js, base, delta, state, batch, false);
    const values = { ...state, ...(await initialize({ ...delta.frozen, ...delta.state }, base, 0)) };
    let model: ReturnType<typeof mergeDelta>;
    try {
      model = mergeDelta(base, delta, values);
    } catch (error) {
      // Only families without biases may refuse a merge.
      if (family === 'gpt2' || !(error instanceof UsageError)) throw error;
      expect(error.message).toMatch(/which has no bias, and a checkpoint of \w+ cannot hold one/);
      return;
    }
    const merged = { ...base, ...model };
    const alone = await compute(js, merged, { trained: {} }, {}, batch);
    expect(alone.logits).toBeAllclose(logits, { atol: 1e-5 * largest(logits) });
    const unmerged = await compute(js, base, { trained: {} }, {}, batch);
    expect(unmerged.logits).not.toBeAllclose(logits, { atol: 1e-3 * largest(logits) });
  });

  it('computes the same under padding, behind and before', async () => {
    const delta = attach(method);
    const state = await startOf(base, delta, 0.1);
    const { loss, logits, gradients } = await compute(js, base, delta, state, batch);
    // T5's relative positions count padding between virtual tokens and the source, so it is padded on the
    // right only.
    const apart = family === 't5' && delta.promptLength !== undefined;
    for (const padded of [batchOf(0, 3), batchOf(apart ? 0 : 2, 1)]) {
      const ours = await compute(js, base, delta, state, padded);
      expect(ours.loss).toBeCloseTo(loss, 5);
      expect(ofReal(base, ours.logits, padded)).toBeAllclose(logits, { atol: 1e-5 * largest(logits) });
      expectSameGradients(ours.gradients, gradients, 2e-5);
    }
  });
});
