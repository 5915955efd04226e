// Tests methods without golden numbers against their formulas, which are written independently here, and
// tests the distributions of initial values.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import * as ops from '../../harness/engine/ops.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { composeDeltas } from '../../harness/models/delta/compose.ts';
import { initialize, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import type { Tensor, Tensors } from '../../harness/models/edits.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import adapter from '../../methods/adapter.ts';
import adapterdrop from '../../methods/adapterdrop.ts';
import bitfit from '../../methods/bitfit.ts';
import compacter from '../../methods/compacter.ts';
import full from '../../methods/full.ts';
import mam from '../../methods/mam.ts';
import parallelAdapter from '../../methods/parallel-adapter.ts';
import prefix from '../../methods/prefix.ts';
import ssf from '../../methods/ssf.ts';
import { computeDecoder, type Arrays } from '../parity/decoder.ts';
import { startOf, tinyBase, tinyBatch } from './tiny.ts';

let base: BaseModel;
beforeAll(async () => {
  base = await tinyBase();
});
const batch = tinyBatch();
const largest = (values: Float32Array): number => values.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** Expects the same loss, logits and gradients from both deltas. */
async function expectSame(engine: Engine, ours: Delta, theirs: Delta, state: Arrays): Promise<void> {
  const [a, b] = [
    await computeDecoder(engine, base, ours, state, batch),
    await computeDecoder(engine, base, theirs, state, batch),
  ];
  expect(a.loss).toBeCloseTo(b.loss, 5);
  expect(a.logits).toBeAllclose(b.logits, { atol: 1e-5 * largest(b.logits) });
  expect(Object.keys(a.gradients)).toEqual(Object.keys(b.gradients));
  for (const [name, gradient] of Object.entries(b.gradients)) {
    expect(a.gradients[name], name).toBeAllclose(gradient, { atol: 2e-5 * largest(gradient) });
  }
}

describe.each(['onnx', 'js'] as const)('%s', (name) => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ name, threads: 1 });
  });

  it('the parallel adapter adds s · Up(relu(Down(x))) to the feed-forward, x its input', async () => {
    const delta = parallelAdapter.attach(base, parallelAdapter.options.parse({ bottleneck: 5, dropout: 0 }));
    const reference: Delta = {
      trained: delta.trained,
      edits(x) {
        let input: Tensor;
        return {
          linear({ role, layer }) {
            const t = (part: string): Tensor => x[`transformer.h.${layer}.mlp.parallel_adapter.${part}`]!;
            if (role === 'mlpUp') return { output: (y, given) => ((input = given), y) };
            if (role !== 'mlpOutput') return undefined;
            return {
              output(y) {
                const low = ops.matMul(input, t('down.weight'), false, true).add(t('down.bias'));
                const high = ops.matMul(ops.maximum(low, 0), t('up.weight'), false, true).add(t('up.bias'));
                return y.add(high.mul(4));
              },
            };
          },
        };
      },
    };
    await expectSame(engine, delta, reference, await startOf(base, delta, 0.1));
  });

  it('Compacter is an adapter whose matrices are sums of Kronecker products', async () => {
    const n = 2;
    const options = { bottleneck: 6, factors: n, rank: 3 };
    const delta = compacter.attach(base, compacter.options.parse(options));
    /** Computes Σᵢ Cᵢ ⊗ (sᵢ tᵢ), block by block. */
    const matrix = (x: Tensors, name: string): Tensor => {
      const term = (i: number): Tensor => {
        const slice = (tensor: Tensor): Tensor => ops.slice(tensor, [i, 0, 0], [1, -1, -1]);
        const [s, t] = [slice(x[`${name}.s`]!), slice(x[`${name}.t`]!)];
        const block = ops.matMul(s, t).reshape([s.shape[1]!, t.shape[2]!]);
        const row = (a: number): Tensor =>
          ops.concat(
            Array.from({ length: n }, (_, b) =>
              block.mul(ops.slice(x['compacter.rule']!, [i, a, b], [1, 1, 1]).reshape([])),
            ),
            1,
          );
        return ops.concat(
          Array.from({ length: n }, (_, a) => row(a)),
          0,
        );
      };
      return Array.from({ length: n }, (_, i) => term(i)).reduce((sum, next) => sum.add(next));
    };
    const reference: Delta = {
      trained: delta.trained,
      edits: (x) => ({
        sublayer: ({ name }) => ({
          output(y) {
            const at = `${name}.compacter`;
            const low = ops.matMul(y, matrix(x, `${at}.down`)).add(x[`${at}.down.bias`]!);
            const high = ops.matMul(ops.geluTanh(low), matrix(x, `${at}.up`)).add(x[`${at}.up.bias`]!);
            return y.add(high);
          },
        }),
      }),
    };
    await expectSame(engine, delta, reference, await startOf(base, delta, 0.3));
  });

  it('SSF is full fine-tuning of a base with the scales and shifts in it, and so are its gradients', async () => {
    const delta = ssf.attach(base, {});
    const state = await startOf(base, delta, 0.1);
    const sites = base.sites.filter(({ kind }) => kind === 'linear' || kind === 'norm');
    const merged = await startOf(base, full.attach(base, {}));
    for (const { name } of sites) {
      const [scale, shift] = [state[`${name}.ssf.scale`]!, state[`${name}.ssf.shift`]!];
      const [W, b] = [merged[`${name}.weight`]!, merged[`${name}.bias`]!];
      // The output is the last axis of a Conv1D weight [in, out] and the only axis of a norm's.
      merged[`${name}.weight`] = W.map((w, i) => w * scale[i % scale.length]!);
      merged[`${name}.bias`] = b.map((x, i) => x * scale[i]! + shift[i]!);
    }
    const ours = await computeDecoder(engine, base, delta, state, batch);
    const theirs = await computeDecoder(engine, base, full.attach(base, {}), merged, batch);
    expect(ours.logits).toBeAllclose(theirs.logits, { atol: 1e-5 * largest(theirs.logits) });
    for (const { name, outputs } of sites) {
      const [dW, db] = [theirs.gradients[`${name}.weight`]!, theirs.gradients[`${name}.bias`]!];
      const [W, b] = [await base.tensor(`${name}.weight`), await base.tensor(`${name}.bias`)];
      const expected = b.map((x, i) => x * db[i]!);
      W.forEach((w, i) => (expected[i % outputs]! += w * dW[i]!));
      const [scale, shift] = [ours.gradients[`${name}.ssf.scale`]!, ours.gradients[`${name}.ssf.shift`]!];
      expect(scale, name).toBeAllclose(expected, { atol: 2e-5 * largest(expected) });
      expect(shift, name).toBeAllclose(db, { atol: 2e-5 * largest(db) });
    }
  });

  it('MAM is a prefix and the parallel adapter composed', async () => {
    const [first, second] = [
      { virtualTokens: 3, projection: true, hidden: 6 },
      { bottleneck: 5, dropout: 0 },
    ];
    const delta = mam.attach(base, mam.options.parse({ ...first, ...second }));
    const composed = composeDeltas([
      { name: 'prefix', delta: prefix.attach(base, prefix.options.parse(first)) },
      { name: 'par', delta: parallelAdapter.attach(base, parallelAdapter.options.parse(second)) },
    ]);
    const state = await startOf(base, delta, 0.1);
    const named = (name: string): string => `${name.includes('parallel_adapter') ? 'par' : 'prefix'}.${name}`;
    const renamed = Object.fromEntries(Object.entries(state).map(([name, data]) => [named(name), data]));
    const ours = await computeDecoder(engine, base, delta, state, batch);
    const theirs = await computeDecoder(engine, base, composed, renamed, batch);
    expect(ours.loss).toBeCloseTo(theirs.loss, 6);
    for (const [name, gradient] of Object.entries(ours.gradients)) {
      const expected = theirs.gradients[named(name)]!;
      expect(gradient, name).toBeAllclose(expected, { atol: 1e-6 * largest(expected) });
    }
  });

  it('AdapterDrop is Adapter where those of the first layers do nothing', async () => {
    const some = adapterdrop.attach(base, adapterdrop.options.parse({ drop: 1, bottleneck: 5 }));
    const all = adapter.attach(base, adapter.options.parse({ bottleneck: 5 }));
    const state = await startOf(base, all, 0.1);
    for (const name of Object.keys(state)) {
      if (/^transformer\.h\.0\..*\.up\./.test(name)) state[name]!.fill(0);
    }
    const ours = await computeDecoder(engine, base, some, state, batch);
    const theirs = await computeDecoder(engine, base, all, state, batch);
    expect(Object.keys(ours.gradients)).toEqual(
      Object.keys(theirs.gradients).filter((name) => name.startsWith('transformer.h.1.')),
    );
    expect(ours.logits).toBeAllclose(theirs.logits, { atol: 1e-6 * largest(theirs.logits) });
    for (const [name, gradient] of Object.entries(ours.gradients)) {
      const expected = theirs.gradients[name]!;
      expect(gradient, name).toBeAllclose(expected, { atol: 1e-5 * largest(expected) });
    }
  });
});

/** Computes mean, standard deviation and largest absolute value. */
function moments(values: Float32Array): { mean: number; deviation: number; largest: number } {
  const mean = values.reduce((sum, x) => sum + x, 0) / values.length;
  const squares = values.reduce((sum, x) => sum + (x - mean) ** 2, 0);
  return { mean, deviation: Math.sqrt(squares / values.length), largest: largest(values) };
}

describe('what they start from', () => {
  it('Compacter: C from N(0, 1e-4), factors from Xavier uniform with gain √2, biases 0', async () => {
    const options = compacter.options.parse({ bottleneck: 8, factors: 8 });
    const start = await initialize(compacter.attach(base, options).trained, base, 0);
    expect(moments(start['compacter.rule']!).deviation).toBeCloseTo(1e-4, 5);
    const at = 'transformer.h.0.mlp.compacter';
    // Xavier's bound depends on the shape of a slice: [2, 1] for Down and [1, 1] for Up.
    expect(moments(start[`${at}.down.s`]!).largest).toBeLessThan(2);
    expect(moments(start[`${at}.down.s`]!).largest).toBeGreaterThan(1.5);
    expect(moments(start[`${at}.up.s`]!).largest).toBeLessThan(Math.sqrt(6));
    expect(largest(start[`${at}.up.bias`]!)).toBe(0);
  });

  it('SSF: γ from N(1, 0.02), β from N(0, 0.02)', async () => {
    const start = await initialize(ssf.attach(base, {}).trained, base, 0);
    const gathered = (part: string): Float32Array =>
      Float32Array.from(Object.entries(start).flatMap(([name, x]) => (name.endsWith(part) ? [...x] : [])));
    const [scale, shift] = [moments(gathered('.scale')), moments(gathered('.shift'))];
    expect([scale.mean, shift.mean]).toBeAllclose([1, 0], { atol: 0.004 });
    expect([scale.deviation, shift.deviation]).toBeAllclose([0.02, 0.02], { atol: 0.003 });
  });

  it('Adapter: weights from N(0, 0.01), biases 0; the parallel one: Down from U(±1/√d), Up 0', async () => {
    const serial = await initialize(adapter.attach(base, adapter.options.parse({})).trained, base, 0);
    expect(moments(serial['transformer.h.0.attn.adapter.up.weight']!).deviation).toBeCloseTo(0.01, 2.5);
    expect(largest(serial['transformer.h.0.attn.adapter.down.bias']!)).toBe(0);
    const delta = parallelAdapter.attach(base, parallelAdapter.options.parse({}));
    const parallel = await initialize(delta.trained, base, 0);
    const down = parallel['transformer.h.0.mlp.parallel_adapter.down.weight']!;
    expect(largest(down)).toBeCloseTo(0.25, 3);
    expect(largest(parallel['transformer.h.0.mlp.parallel_adapter.up.weight']!)).toBe(0);
  });
});

it('BitFit adds a bias to the output where a linear or a norm has none', async () => {
  const bare: BaseModel = { ...base, sites: base.sites.map((site) => ({ ...site, bias: false })) };
  const delta = bitfit.attach(bare, bitfit.options.parse({ added: 'uniform' }));
  const added = Object.keys(delta.trained);
  expect(added).toHaveLength(base.sites.filter(({ kind }) => kind === 'linear' || kind === 'norm').length);
  const start = await initialize(delta.trained, base, 0);
  // The distribution is U(±1/√in) with in = 64.
  expect(largest(start['transformer.h.0.mlp.c_proj.added.bias']!)).toBeLessThan(1 / 8);
  const x = Object.fromEntries(added.map((name) => [name, ops.tensor([1, 2])]));
  const edits = delta.edits!(x, undefined as never);
  const site = bare.sites.find(({ role }) => role === 'mlpOutput')!;
  const norm = bare.sites.find(({ role }) => role === 'finalNorm')!;
  const y = ops.tensor([10, 20]);
  const linear = edits.linear!(site, { W: y, product: (x) => x })!.output!(y, y);
  expect(Array.from(await linear.data())).toEqual([11, 22]);
  expect(Array.from(await edits.norm!(y, norm).data())).toEqual([11, 22]);
});

it('adapters leave cross attention alone where they are told to, and train norms of the blocks or all', () => {
  const crossed: BaseModel = {
    ...base,
    sites: base.sites.map((site) =>
      site.role === 'attention' && site.layer === 1 ? { ...site, attention: 'cross' as const } : site,
    ),
  };
  const names = (options: object): string[] =>
    Object.keys(trainedShapes(crossed, adapter.attach(crossed, adapter.options.parse(options))));
  expect(names({}).filter((name) => name.endsWith('.up.bias'))).toHaveLength(4);
  expect(names({ crossAttention: false }).filter((name) => name.endsWith('.up.bias'))).toHaveLength(3);
  expect(names({ layerNorms: 'blocks' }).filter((name) => name.includes('.ln_'))).toHaveLength(8);
  expect(names({ layerNorms: 'all' }).filter((name) => name.includes('.ln_'))).toHaveLength(10);
});

it('widths that the factors of Compacter do not divide, and too few layers, are refused', () => {
  expect(() => compacter.attach(base, compacter.options.parse({ bottleneck: 6 }))).toThrow(/6/);
  expect(() => compacter.attach(base, compacter.options.parse({}))).toThrow(RangeError);
  expect(() => adapterdrop.attach(base, adapterdrop.options.parse({}))).toThrow(RangeError);
});
