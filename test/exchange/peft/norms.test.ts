// Test of adapters of type LN_TUNING that train some norms alone, as peft's own defaults for Qwen 2 do.
import { expect, it } from 'vitest';
import { lnTuning } from '../../../harness/exchange/peft/norms.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';

it('names a norm that an adapter of peft leaves out', async () => {
  const base = await loadBase('llama-mini');
  const norms = base.sites.filter(({ kind }) => kind === 'norm').map(({ name }) => name);
  const tensor = {
    shape: [base.shapes[`${norms[0]!}.weight`]![0]!],
    data: new Float32Array(),
  };
  const trained = (names: readonly string[]) =>
    Object.fromEntries(names.map((name) => [`base_model.model.${name}.ln_tuning_layers.weight`, tensor]));
  expect(Object.keys(lnTuning.read({}, trained(norms), base, 'A').tensors)).toHaveLength(norms.length);
  expect(() => lnTuning.read({}, trained(norms.slice(1)), base, 'A')).toThrow(
    `A trains ${norms.length - 1} of ${norms.length} norms of llama-mini, not ${norms[0]!}; ln-tuning trains all`,
  );
});
