// Counts of trained parameters on T5-base. Golden counts are peft's, the formulas' and the RED paper's Table
// 3.
import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { Delta, Method } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import adalora from '../../methods/adalora.ts';
import adapterFfn from '../../methods/adapter-ffn.ts';
import adapter from '../../methods/adapter.ts';
import adapterdrop from '../../methods/adapterdrop.ts';
import bitfit from '../../methods/bitfit.ts';
import compacter from '../../methods/compacter.ts';
import dora from '../../methods/dora.ts';
import ftTop2 from '../../methods/ft-top2.ts';
import full from '../../methods/full.ts';
import ia3 from '../../methods/ia3.ts';
import lora from '../../methods/lora.ts';
import loreft from '../../methods/loreft.ts';
import pTuning from '../../methods/p-tuning.ts';
import prefix from '../../methods/prefix.ts';
import prompt from '../../methods/prompt.ts';
import red from '../../methods/red.ts';
import vera from '../../methods/vera.ts';

/** Makes a case: the exact count on T5-base (12 layers per stack, d = 768). */
function counts(
  method: Method,
  options: object,
  expected: number,
): [string, (base: BaseModel) => Delta, number] {
  const parsed = method.options.parse(options);
  return [`${method.name} ${JSON.stringify(options)}`, (base) => method.attach(base, parsed), expected];
}

/** Options of the code behind the quoted rows of the RED paper's Table 3: all norms, no cross attention. */
const quoted = { layerNorms: 'all', crossAttention: false };

it.each([
  // Table 3 prints 220M, 1.9M, 1.1M, 0.3M, 0.08M and 0.04M.
  counts(full, {}, 222_903_552),
  counts(adapter, { bottleneck: 24, ...quoted }, 1_855_104),
  counts(adapterdrop, { bottleneck: 24, drop: 5, ...quoted }, 1_101_984),
  counts(bitfit, {}, 250_368),
  counts(prompt, { virtualTokens: 100 }, 76_800),
  counts(red, {}, 36_864),

  counts(compacter, quoted, 161_728),
  counts(compacter, { feedForwardOnly: true, ...quoted }, 104_704),
  counts(adapter, { bottleneck: 8 }, 783_840),
  counts(adapterFfn, { bottleneck: 16 }, 608_640),
  counts(red, { position: 'ffn+attn' }, 92_160),
  counts(loreft, { rank: 8, tied: true }, 147_552),
  // The last two blocks of each stack.
  counts(ftTop2, {}, 2 * (4 * 768 ** 2 + 2 * 768 * 3072 + 2 * 768) + 18_878_976),
  // The following counts are peft's.
  counts(lora, { rank: 8 }, 884_736),
  counts(dora, { rank: 8 }, 940_032),
  counts(ia3, {}, 129_024),
  counts(prefix, { virtualTokens: 16 }, 294_912),
  counts(vera, { rank: 256 }, 73_728),
  counts(adalora, {}, 4_868_352),
  // peft's table of embeddings has twice the rows, half of them unused; they are subtracted.
  counts(pTuning, { virtualTokens: 20 }, 1_802_496 - 20 * 768),
])('T5-base: %s', async (_, attach, expected) => {
  const base = await loadBase('t5-base');
  expect(countParameters(base, attach(base)).trained).toBe(expected);
});
