// Regression test: an adapter that also trained the output head (modules_to_save) was refused with the
// misleading question whether it belongs to another base, and LoRA on lm_head or the embedding was refused.
// Adapters are peft's over a tied and an untied base, written by make-adapters.py.
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { describeAdapters, openGolden } from './adapters.ts';

const name = 'exchange-saved-head';

describeAdapters(name, ['on-head', 'on-untied-head', 'on-embedding']);

it.each([
  [
    'case',
    'trained an output layer of its own, lm_head.weight (modules_to_save), which is not computed here.',
  ],
  ['untied', 'trained lm_head.weight of the base too (modules_to_save), which its method does not do here.'],
])('%s: says what is trained', async (variant, message) => {
  const { folder, base } = await openGolden(name, variant);
  await expect(readAdapter(folder, base)).rejects.toThrow(message);
  await expect(readAdapter(folder, base)).rejects.toThrow(UsageError);
});
