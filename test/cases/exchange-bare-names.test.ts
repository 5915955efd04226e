import { describe, expect, it } from 'vitest';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { describeAdapters, openGolden } from './adapters.ts';

// Case: adapters over transformers' bare models (AutoModel, task FEATURE_EXTRACTION), whose module names lack
// the family's
// first part, were refused by their names. The golden files are peft's hidden states, made by make-adapters.py.

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
