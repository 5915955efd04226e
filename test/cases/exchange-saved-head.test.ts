// Regression test: an adapter that also trained modules of the base whole (modules_to_save) was refused, on a
// tied base with the misleading question whether it belongs to another one; so was LoRA on lm_head or the
// embedding. Adapters are peft's, written by make-adapters.py.
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { mergeDelta } from '../../harness/models/delta/merge.ts';
import { attachMethod, logitsUnder } from '../exchange/reading.ts';
import { describeAdapters, describeGradients, engine, openGolden, variantsOf } from './adapters.ts';

const name = 'exchange-saved-head';
/** Adapters with tests of their own below. */
const apart = ['t5-words', 't5-shared', 'ia3', 'tied-by-peft'];

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
    'trained shared.weight of the base too (modules_to_save), which its method does not do here.',
  ],
  ['ia3', 'trained lm_head.weight of the base too (modules_to_save), which its method does not do here.'],
  ['tied-by-peft', 'sets ensure_weight_tying, so that transformer.wte and the modules with the same weight'],
])('%s: says what is not computed', async (variant, message) => {
  const { folder, base } = await openGolden(name, variant);
  await expect(readAdapter(folder, base)).rejects.toThrow(message);
  await expect(readAdapter(folder, base)).rejects.toThrow(UsageError);
});
