// Tests of rank_pattern and alpha_pattern: which modules a key matches, and the limit of time.
import { expect, test } from 'vitest';
import { numbersByPattern } from '../../../harness/exchange/peft/patterns.ts';

const named = { where: 'adapter_config.json', setting: 'alpha_pattern' };

test('a key is a module, its end behind a dot, or an expression; the first that fits counts', () => {
  const names = ['h.0.attn.c_attn', 'h.1.attn.c_attn', 'h.1.mlp.c_fc', 'c_attn', 'xc_attn'];
  const pattern = { 'h.1.attn.c_attn': 3, c_attn: 4, 'h\\.\\d.*': 5 };
  expect([...numbersByPattern(pattern, names, 8, named).values()]).toEqual([4, 3, 5, 4, 8]);
});

test("FourierFT's keys stand behind a dot, and an alternative reaches over the whole expression", () => {
  const names = ['h.0.attn.c_attn', 'h.0.attn.c_attn_2', 'h.1.mlp.c_fc', 'c_attn'];
  const match = (pattern: Record<string, number>): number[] => [
    ...numbersByPattern(pattern, names, 8, { ...named, rule: 'fourierft' }).values(),
  ];
  expect(match({ c_attn: 3 })).toEqual([3, 8, 8, 3]);
  expect(match({ 'c_attn|c_fc': 3 })).toEqual([3, 3, 8, 8]);
  expect(match({ 'h.1.mlp.c_fc': 3, c_fc: 4 })).toEqual([8, 8, 4, 8]);
});

test('matching ends at its limit of time', () => {
  // No machine matches this many plain names within a millisecond.
  const names = Array.from({ length: 1_000_000 }, (_, i) => `h.${i}.c_attn`);
  expect(() => numbersByPattern({ c_fc: 1 }, names, 8, { ...named, milliseconds: 1 })).toThrow(
    'adapter_config.json: alpha_pattern takes too long to match the names of modules.',
  );
});
