// Regression test: a LoRA initialised by EVA was refused. Other initialisations are read where peft says that
// the adapter was converted (init_lora_weights true); changes to the base's weights are not undone. Golden
// logits of llama-mini are peft 0.21.2's, written by make-adapters.py.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { base, expectLastLogits } from './on-mini.ts';

const files = join(import.meta.dirname, 'reports-adapter-eva-start', 'files');

async function changed(settings: object): Promise<string> {
  const copy = join(await temporaryFolder(), 'adapter');
  await cp(files, copy, { recursive: true });
  const path = join(copy, 'adapter_config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...config, ...settings }));
  return copy;
}

describe('a LoRA by its start', () => {
  it('EVA: is an ordinary LoRA', async () => {
    const { options } = await expectLastLogits(files);
    expect(options).toEqual({ rank: 1, alpha: 2, dropout: 0, rankStabilized: false });
  });

  it.each([
    { init_lora_weights: 'gaussian', eva_config: null },
    { init_lora_weights: 'orthogonal', eva_config: null },
    { init_lora_weights: false, eva_config: null },
    { init_lora_weights: true, corda_config: { corda_method: 'ipm' } },
    { init_lora_weights: true, loftq_config: { loftq_bits: 4, loftq_iter: 1 } },
    { init_lora_weights: true, lora_ga_config: { direction: 'ArB2r' } },
    { ensure_weight_tying: true },
  ])('%j: is one', async (settings) => {
    await expectLastLogits(await changed(settings));
  });

  it.each(['olora', 'corda', 'loftq', 'lora_ga'])('%s: is refused', async (start) => {
    const folder = await changed({ init_lora_weights: start, eva_config: null });
    await expect(readAdapter(folder, base)).rejects.toThrow(
      'init_lora_weights: this start changes the weights of the base; ' +
        'peft converts such an adapter to LoRA: save_pretrained(…, ' +
        `path_initial_model_for_weight_conversion=…) (it is "${start}").`,
    );
  });
});
