// Regression test: adapters that also train the rows of some tokens (trainable_token_indices) were refused. Golden
// files are peft's, written by make-adapters.py: tied and untied heads, T5's one table, an encoder.
import { cp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod } from '../exchange/reading.ts';
import { describeAdapters, describeGradients, openGolden } from './adapters.ts';

const name = 'exchange-lora-tokens';
describeAdapters(name);
describeGradients(name, ['gpt2-tied', 'llama-both']);

it.each([
  [{ trainable_token_indices: null }, 'trainable_token_indices says no tokens of "transformer.wte"'],
  [{ trainable_token_indices: { wte: [11, 3], lm_head: [2] } }, 'names tokens whose rows its tensors lack'],
  [{ trainable_token_indices: [-1] }, 'cannot be used: trainable_token_indices'],
])('%j: says why', async (settings, message) => {
  const { folder, base } = await openGolden(name, 'gpt2-tied');
  const copy = join(await temporaryFolder(), 'adapter');
  await cp(folder, copy, { recursive: true });
  const path = join(copy, 'adapter_config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as object;
  await writeFile(path, JSON.stringify({ ...config, ...settings }));
  await expect(readAdapter(copy, base)).rejects.toThrow(message);
  await expect(readAdapter(copy, base)).rejects.toThrow(UsageError);
});

it.each([
  ['gpt2', { tokens: [19] }, 'has no token 19; it has 19, counted from 0'],
  ['gpt2', { tokens: [3, 3] }, 'token 3 is named twice'],
  ['gpt2', { tokens: [3], targets: ['wordEmbedding'] }, 'transformer.wte is trained already'],
  ['gpt2', { tokens: [3], targets: ['head'] }, 'lm_head is trained already'],
  ['gpt2', { headTokens: [3] }, 'has no head with a weight of its own; `tokens` trains what it shares'],
  ['llama', { tokens: [3], whole: ['wordEmbedding'] }, 'model.embed_tokens is trained already'],
])('%s: %j is refused', async (model, options, message) => {
  const { base } = await openGolden(name, model === 'gpt2' ? 'gpt2-tied' : 'llama-both');
  expect(() => attachMethod(base, 'lora', options)).toThrow(message);
});
