// Regression test: adapters over bare models (AutoModel, task FEATURE_EXTRACTION) were refused, since their
// module names lack the family's prefix. Golden hidden states are peft's, written by make-adapters.py.
import { describe, expect, it } from 'vitest';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { describeAdapters, openGolden } from './adapters.ts';

describeAdapters('exchange-bare-names');

describe('exchange-bare-names: a name that is none of the base, with the first part or without', () => {
  it('is refused', async () => {
    const { folder } = await openGolden('exchange-bare-names', 'llama');
    const { base } = await openGolden('exchange-bare-names', 'gpt2');
    await expect(readAdapter(folder, base)).rejects.toThrow(
      /adapts "layers\.\d\.self_attn\.\w_proj", which is no/,
    );
  });
});
