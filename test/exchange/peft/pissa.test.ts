// Tests that a PiSSA adapter which peft saved, A and B alone, computes here what it computes in peft.
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { StoredTensors } from '../../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../../harness/exchange/peft/folder.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { folderOf, readGolden, readTensors } from '../../parity/folder.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { logitsUnder, type AnyBatch } from '../reading.ts';

describe.each(['gpt2-tiny', 'llama-tiny'])('%s', (model) => {
  it('finds what was taken out of the base again', async () => {
    const base = await loadBase(folderOf(model));
    const golden = readGolden<{ batch: AnyBatch; trainable: { name: string; shape: number[] }[] }>(
      ...['methods', model, 'pissa.json'],
    );
    const stored = await readTensors('methods', model, 'pissa.safetensors');
    const tensors: StoredTensors = Object.fromEntries(
      golden.trainable.map(({ name, shape }) => {
        const data = stored[`state.${name}`]!;
        return [name.replace('base_model.model.', ''), { shape, data }];
      }),
    );
    // LoRA's file with PiSSA's setting is what peft's save_pretrained writes of PiSSA.
    const folder = join(await temporaryFolder(), 'adapter');
    const options = { rank: 4, alpha: 8, dropout: 0, rankStabilized: false };
    await writePeftFolder(folder, { method: 'lora', options, tensors, head: {} }, base);
    const path = join(folder, 'adapter_config.json');
    const config = JSON.parse(await readFile(path, 'utf8')) as object;
    await writeFile(path, JSON.stringify({ ...config, init_lora_weights: 'pissa' }));

    const adapter = await readPeftFolder(folder, base);
    expect(adapter.method).toBe('pissa');
    const engine = await createEngine({ name: 'onnx', threads: 1 });
    const ours = await logitsUnder(engine, base, adapter, golden.batch);
    expect(ours).toBeAllclose(stored.logits_state!, { atol: 1e-5 });
  });
});
