// Test of adapters of type LN_TUNING that train some norms alone, as peft's own defaults for Qwen 2 do.
import { expect, it } from 'vitest';
import { lnTuning } from '../../../harness/exchange/peft/norms.ts';
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
