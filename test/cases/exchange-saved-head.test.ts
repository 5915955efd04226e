// Regression test: an adapter that also trained modules of the base whole (modules_to_save) was refused, on a
// tied base with the misleading question whether it belongs to another one; so was LoRA on lm_head or the
// embedding. Adapters are peft's, written by make-adapters.py.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';
import { countParameters } from '../../harness/models/delta/count-parameters.ts';
import { UsageError } from '../../harness/support/errors.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import { attachMethod, logitsUnder } from '../exchange/reading.ts';
import { describeAdapters, describeGradients, engine, openGolden, variantsOf } from './adapters.ts';

const name = 'exchange-saved-head';
/** Adapters with tests of their own below. */
const apart = ['t5-words', 't5-shared', 'tied-by-peft'];

describeAdapters(
  name,
  variantsOf(name).filter((variant) => !apart.includes(variant)),
);
describeGradients(name, ['words-and-head']);

it("t5-words: computes peft's numbers, and no weights hold it", async () => {
  const { folder, base, expected } = await openGolden(name, 't5-words');
  const adapter = await readAdapter(folder, base);
  const ours = await logitsUnder(engine, base, adapter, expected.batch);
  expect(ours).toBeAllclose(expected.logits!, { atol: 1e-5 });
  const { delta } = startFrom(base, attachMethod(base, adapter.method, adapter.options), adapter, 'it');
  const values = Object.fromEntries(Object.entries(adapter.tensors).map(([key, { data }]) => [key, data]));
  expect(() => mergeDelta(base, delta, values)).toThrow('share shared.weight');
});

it.each([
  [
    't5-shared',
    'trained shared.weight of the base too (modules_to_save), which computes nothing in transformers: its weight ' +
      'is read by ',
  ],
  ['tied-by-peft', 'sets ensure_weight_tying, so that transformer.wte and the modules with the same weight'],
])('%s: says what is not computed', async (variant, message) => {
  const { folder, base } = await openGolden(name, variant);
  await expect(readAdapter(folder, base)).rejects.toThrow(message);
  await expect(readAdapter(folder, base)).rejects.toThrow(UsageError);
});

// peft's files hold copies of the base's matrices and frozen projections beside what was trained.
it.each([
  [name, 'on-head', /\.lora_[AB]\.weight$/],
  ['exchange-lora-some-modules', 'vera', /\.vera_lambda_[bd]$/],
])('%s/%s: what was trained is counted, not what the file holds', async (each, variant, trained) => {
  const { folder, base } = await openGolden(each, variant);
  const { tensors } = await openSafetensors(join(folder, 'adapter_model.safetensors'));
  const sizes = [...tensors].map(([key, { shape }]) => [key, shape.reduce((a, b) => a * b, 1)] as const);
  const sum = (own: typeof sizes): number => own.reduce((total, [, size]) => total + size, 0);
  const adapter = await readAdapter(folder, base);
  const { delta } = startFrom(base, attachMethod(base, adapter.method, adapter.options), adapter, 'it');
  const { trained: counted } = countParameters(base, delta);
  expect(counted).toBe(sum(sizes.filter(([key]) => trained.test(key))));
  expect(counted).toBeLessThan(sum(sizes));
});
