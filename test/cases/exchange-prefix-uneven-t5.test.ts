// Regression test: a prefix was refused on a T5 whose encoder is deeper than its decoder. peft makes one pair
// of keys and values per encoder layer and assigns them in twos: with 4 and 2 layers, the second decoder
// layer takes the third pair. Golden files (3 and 1, 4 and 2 layers) are peft's (make-adapters.py).
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod } from '../exchange/reading.ts';
import { describeAdapters, openGolden } from './adapters.ts';

describeAdapters('exchange-prefix-uneven-t5');

describe('exchange-prefix-uneven-t5: fewer pairs than layers', () => {
  it('is refused, since peft itself fails', async () => {
    const { folder, base } = await openGolden('exchange-prefix-uneven-t5', '4-2');
    const copy = join(await temporaryFolder(), 'adapter');
    await cp(folder, copy, { recursive: true });
    const path = join(copy, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...config, num_layers: 1 }));
    await expect(readAdapter(copy, base)).rejects.toThrow('has a prefix for 1 layers, the decoder of');
    await expect(readAdapter(copy, base)).rejects.toThrow(UsageError);
  });

  it.each(['random-t5~layers=2,width=8,heads=2', 'random-gpt2~layers=2,width=8,heads=2'])(
    'is no option on %s',
    async (id) => {
      const base = await loadBase(id);
      expect(() => attachMethod(base, 'prefix', { pairs: 1 })).toThrow(
        'has 2 layers with a prefix, for which there cannot be 1',
      );
    },
  );

  it('more are none on a decoder', async () => {
    const base = await loadBase('random-gpt2~layers=2,width=8,heads=2');
    expect(() => attachMethod(base, 'prefix', { pairs: 3 })).toThrow('there cannot be 3 pairs');
  });
});
