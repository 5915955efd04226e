// Test of adapters of type LN_TUNING that train some norms alone, as peft's own defaults for Qwen 2 do.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { lnTuning } from '../../../harness/exchange/peft/formats/norms.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';

it('reads which norms an adapter of peft trains, and refuses none and what is no norm', async () => {
  const base = await loadBase('llama-mini');
  const norms = base.sites.filter(({ kind }) => kind === 'norm').map(({ name }) => name);
  const tensor = {
    shape: [base.shapes[`${norms[0]!}.weight`]![0]!],
    data: new Float32Array(),
  };
  const trained = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [`base_model.model.${name}.ln_tuning_layers.weight`, tensor]));
  expect(Object.keys(lnTuning.read({}, trained(norms), base, 'A').tensors)).toHaveLength(norms.length);
  expect(lnTuning.read({}, trained(norms), base, 'A').options).toEqual({});
  expect(
    lnTuning.read({}, trained(norms.filter((name) => /input_|\.norm$/.test(name))), base, 'A').options,
  ).toEqual({ targets: ['attentionNorm', 'finalNorm'] });
  expect(() => lnTuning.read({}, {}, base, 'A')).toThrow('A trains no norm: it has no tensors of any.');
  expect(() => lnTuning.read({}, trained(['lm_head']), base, 'A')).toThrow(
    'A trains "lm_head", which is no norm of llama-mini.',
  );
});

it('names no module of ModernBERT that has no weight, which peft cannot train', async () => {
  const base = await loadBase(join(import.meta.dirname, '../../golden/parity/modernbert-tiny'));
  const norms = base.sites.filter(({ kind }) => kind === 'norm');
  const one = { shape: [1], data: new Float32Array(1) };
  const tensors = Object.fromEntries(norms.map(({ name }) => [`${name}.weight`, one]));
  const { settings } = lnTuning.write({ method: 'ln-tuning', options: {}, tensors, head: {} }, base);
  const targets = settings.target_modules as string[];
  const isNamed = (name: string): boolean => targets.some((end) => name === end || name.endsWith(`.${end}`));
  expect(norms.every(({ name }) => isNamed(name))).toBe(true);
  expect(isNamed('model.layers.0.attn_norm')).toBe(false);
});
