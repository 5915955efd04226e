// Counts of trained parameters on GPT-2 medium, from the RED paper and from the methods' formulas.
import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { Delta, Method } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import adapterFfn from '../../methods/adapter-ffn.ts';
import adapter from '../../methods/adapter.ts';
import adapterdrop from '../../methods/adapterdrop.ts';
import bitfit from '../../methods/bitfit.ts';
import compacter from '../../methods/compacter.ts';
import ftTop2 from '../../methods/ft-top2.ts';
import ia3 from '../../methods/ia3.ts';
import parallelAdapter from '../../methods/parallel-adapter.ts';
import red from '../../methods/red.ts';
import ssf from '../../methods/ssf.ts';

/** Makes a case: the exact count on GPT-2 medium (24 layers, d = 1024). */
function counts(
  method: Method,
  options: object,
  expected: number,
): [string, (base: BaseModel) => Delta, number] {
  const parsed = method.options.parse(options);
  return [`${method.name} ${JSON.stringify(options)}`, (base) => method.attach(base, parsed), expected];
}

it.each([
  counts(ftTop2, {}, 25_192_448),
  counts(bitfit, {}, 271_360),
  counts(adapter, { bottleneck: 8 }, 835_968),
  counts(adapter, { bottleneck: 8, layerNorms: 'blocks' }, 934_272),
  counts(adapter, { bottleneck: 1 }, 147_504),
  counts(adapterFfn, { bottleneck: 16 }, 811_392),
  counts(adapterFfn, { bottleneck: 1 }, 73_752),
  // Layers 5 to 23 have 38 adapters with 2 · 24 d + 24 + d parameters each.
  counts(adapterdrop, {}, 38 * (2 * 24 * 1024 + 24 + 1024)),
  counts(compacter, {}, 152_128),
  // Half of the adapters remain, and the shared factors are the same.
  counts(compacter, { feedForwardOnly: true }, (152_128 - 64) / 2 + 64),
  // L (2 d r + r + d)
  counts(parallelAdapter, { bottleneck: 16 }, 811_392),
  counts(ia3, {}, 172_032),
  counts(ssf, {}, 542_720),
  counts(red, {}, 49_152),
  counts(red, { position: 'ffn+attn' }, 98_304),
  counts(red, { bias: false }, 24_576),
  counts(red, { scaling: false }, 24_576),
  counts(red, { position: 'block' }, 49_152),
  counts(red, { position: 'all' }, 245_760),
])('%s', async (_, attach, expected) => {
  const base = await loadBase('gpt2-medium');
  expect(countParameters(base, attach(base)).trained).toBe(expected);
});
