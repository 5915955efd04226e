// Regression test: a LoRA saved by peft 0.21.2 with safe_serialization=False was refused as incomplete.
// Golden logits of llama-mini are peft's, written by make-adapters.py.
import { cp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { expectLastLogits } from './on-mini.ts';

const files = join(import.meta.dirname, 'reports-adapter-as-bin', 'files');

it('an adapter in adapter_model.bin is read', async () => {
  const adapter = await expectLastLogits(files);
  expect(adapter.method).toBe('lora');
  expect(adapter.options).toMatchObject({ rank: 1, alpha: 2 });
});

it('one that holds anything but tensors is refused, not executed', async () => {
  const copy = join(await temporaryFolder(), 'adapter');
  await cp(files, copy, { recursive: true });
  await writeFile(join(copy, 'adapter_model.bin'), 'cos\nsystem\n(S"true"\ntR.');
  const { base } = await import('./on-mini.ts');
  await expect(readAdapter(copy, base)).rejects.toThrow(
    'adapter_model.bin is not a PyTorch file that can be read',
  );
  await expect(readAdapter(copy, base)).rejects.toThrow(UsageError);
});
