// Tests the export of runs on built-in bases with classes, whose head (mean) transformers lacks: an adapter
// of the bare encoder, the head beside it, and Python code that loads both (test/exchange/python-loads). The
// base is named by an existing path. test/runs/outcome/to-checkpoint tests merging.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { readJson } from '../../harness/support/read-files.ts';
import { writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead } from '../../harness/models/delta/heads.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { attachMethod, fullOptions } from '../exchange/reading.ts';
import { startOf } from '../methods/tiny.ts';

it.each([
  ['gpt2-mini', 'red'],
  ['roberta-mini', 'lora'],
  ['roberta-mini', 'loreft'],
])('%s under %s', async (model, method) => {
  const base = await loadBase(model);
  const delta = attachMethod(base, method, {});
  const stored = async (specs: typeof delta.trained) =>
    Object.fromEntries(
      Object.entries(await startOf(base, { trained: specs })).map(([name, data]) => [
        name,
        { shape: specs[name]!.shape, data },
      ]),
    );
  const isEncoder = base.architecture.kind === 'encoder';
  const head = isEncoder ? await stored(makeHead(base, 'mean', 2).tensors) : {};
  const adapter = {
    method,
    options: {},
    tensors: await stored(delta.trained),
    head,
    ...(isEncoder && { headName: 'mean' as const }),
  };
  const folder = join(await temporaryFolder(), 'adapter');
  await writePeftFolder(folder, { ...adapter, options: fullOptions(adapter) }, base);
  const config = (await readJson(join(folder, 'adapter_config.json'))) as Record<string, string>;
  expect((await stat(join(config.base_model_name_or_path!, 'config.json'))).isFile()).toBe(true);
  expect(config.task_type).toBe(isEncoder ? 'FEATURE_EXTRACTION' : 'CAUSAL_LM');
  const files = ['load.py', ...(isEncoder ? ['head.safetensors', 'mean_head.py'] : [])];
  for (const file of files) expect((await stat(join(folder, file))).isFile()).toBe(true);
});
