// Counts of trained parameters as peft 0.21.2 counts them on a model without weights, and the bases that
// methods refuse. peft's LoHa, LoKr, OFT, HRA and MiSS refuse GPT-2's Conv1D: their counts there are formulas.
import { expect, it } from 'vitest';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';

const methods = await loadMethods();
const attach = async (method: string, base: string, options: object = {}) => {
  const { options: schema, attach: attachTo } = methods.get(method)!;
  const loaded = await loadBase(base);
  return { base: loaded, delta: attachTo(loaded, schema.parse(options)) };
};

/** [method, RoBERTa base, GPT-2 medium] */
const counts: readonly (readonly [string, number, number])[] = [
  ['rslora', 294_912, 786_432],
  ['lora-plus', 294_912, 786_432],
  // What a file of PiSSA holds beside it is frozen.
  ['pissa', 294_912, 786_432],
  ['ln-tuning', 38_400, 100_352],
  // L (2 r (in + out))
  ['loha', 589_824, 24 * 2 * 8 * (1024 + 3072)],
  // 1024 = 32 · 32 and 3072 = 48 · 64: [48, 32] whole, [64, 32] as 8 (64 + 32)
  ['lokr', 26_112, 24 * (48 * 32 + 8 * (64 + 32))],
  // L (in / 32) (32 · 31 / 2)
  ['oft', 285_696, 24 * 32 * 496],
  ['hra', 147_456, 24 * 8 * 1024],
  ['miss', 1_179_648, 24 * 64 * 3072],
  ['fourierft', 24_000, 24_000],
  ['randlora', 460_800, 811_008],
];

it.each(counts)('%s trains as many parameters as peft says', async (method, roberta, gpt2) => {
  for (const [name, expected] of [
    ['roberta-base', roberta],
    ['gpt2-medium', gpt2],
  ] as const) {
    const { base, delta } = await attach(method, name);
    expect(countParameters(base, delta).trained, name).toBe(expected);
  }
});

it.each([
  ['oft', { blockSize: 48, targets: ['mlp.c_fc'] }, /blocks of 48 do not divide the 1024 inputs of .*c_fc/],
  ['miss', { rank: 1025 }, /c_attn has 1024 inputs, fewer than the rank 1025/],
  ['miss', { outputs: 1000 }, /1000 columns do not divide the 3072 outputs of /],
  ['pissa', { rank: 1025 }, /c_attn \[3072, 1024\] has no 1025 singular values/],
  ['fourierft', { frequencies: 3_145_729 }, /c_attn \[3072, 1024\] has fewer than 3145729 frequencies/],
  ['hra', { rank: 1025, orthogonal: true }, /has 1024 inputs, where 1025 vectors cannot be orthogonal/],
] as const)('%s %o is refused with the reason', async (method, options, reason) => {
  await expect(attach(method, 'gpt2-medium', options)).rejects.toThrow(reason);
});
