// Tests of reading and writing adapters that peft saved, with golden logits that peft computed.
import { existsSync, readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { startFrom, type Adapter } from '../../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../../harness/exchange/peft/folder.ts';
import { initialize } from '../../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { familyNames } from '../../../harness/models/families/registry.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { folderOf, readGolden, readTensors } from '../../parity/folder.ts';
import { attachMethod, fullOptions, logitsUnder, type AnyBatch } from '../reading.ts';

const saved = folderOf('peft-saved');
const models = existsSync(saved) ? readdirSync(saved) : [];
/** Models of families that deltabench has. */
const built = models.filter((model) => {
  const { model_type: type } = readGolden<{ model_type: string }>(model, 'config.json');
  return familyNames.some((family) => family === type);
});

describe.skipIf(built.length === 0)('adapters that peft has saved', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await createEngine({ name: 'onnx', threads: 1 });
  });
  for (const model of built) {
    for (const method of readdirSync(join(saved, model))) {
      const folder = join(saved, model, method);

      it(`${model}/${method}: reading it gives peft's logits`, async () => {
        const base = await loadBase(folderOf(model));
        const adapter = await readPeftFolder(folder, base);
        const { batch } = readGolden<{ batch: AnyBatch }>('peft-saved', model, method, 'expect.json');
        const { logits } = await readTensors('peft-saved', model, method, 'expect.safetensors');
        const ours = await logitsUnder(engine, base, adapter, batch);
        const real = base.architecture.kind === 'encoder' ? () => true : ofRealTokens(batch, base);
        // Logits of virtual tokens precede each row in peft's output.
        const rows = batch.input_ids.length;
        const [theirs, row] = [logits!.length / rows, ours.length / rows];
        const own = logits!.filter((_, i) => i % theirs >= theirs - row);
        expect(ours.filter(real)).toBeAllclose(own.filter(real), { atol: 1e-5 });
      });

      it(`${model}/${method}: writing what was read gives the same files`, async () => {
        const base = await loadBase(folderOf(model));
        const adapter = await fullAdapter(base, await readPeftFolder(folder, base));
        const copy = join(await temporaryFolder(), 'adapter');
        await writePeftFolder(copy, adapter, { ...base, id: model });
        const [ours, theirs] = await Promise.all([contents(copy), contents(folder)]);
        expect(ours.shapes).toEqual(theirs.shapes);
        expect(ours.tensors).toEqual(theirs.tensors);
        // Omitted settings take peft's defaults, as peft-loads.test.ts shows.
        const config = Object.fromEntries(Object.keys(ours.config).map((key) => [key, theirs.config[key]]));
        // deltabench reads the projected prefix as a flat one.
        if (method === 'prefix-projection')
          Object.assign(config, { prefix_projection: false, encoder_hidden_size: config.token_dim });
        expect(normalised(ours.config)).toEqual(normalised(config));
      });
    }
  }
});

/** Selects logits of real tokens. */
function ofRealTokens({ attention_mask }: AnyBatch, base: BaseModel): (_: number, i: number) => boolean {
  const mask = attention_mask.flat();
  return (_, i) => mask[Math.floor(i / base.architecture.vocabulary)] === 1;
}

/** Completes an adapter with the method's default options and initial tensors. */
async function fullAdapter(base: BaseModel, adapter: Adapter): Promise<Adapter> {
  const method = attachMethod(base, adapter.method, adapter.options);
  const { delta } = startFrom(base, method, adapter, 'the adapter');
  const specs = { ...delta.trained, ...delta.frozen };
  const values = await initialize(specs, base, 0);
  const tensors = Object.fromEntries(
    Object.entries(specs).map(([name, { shape }]) => [name, { shape, data: values[name]! }]),
  );
  return { ...adapter, options: fullOptions(adapter), tensors };
}

async function contents(folder: string) {
  const file = await openSafetensors(join(folder, 'adapter_model.safetensors'));
  const tensors: Record<string, number[]> = {};
  for (const name of file.tensors.keys()) tensors[name] = [...(await file.read(name))];
  return {
    config: JSON.parse(await readFile(join(folder, 'adapter_config.json'), 'utf8')) as Record<
      string,
      unknown
    >,
    shapes: Object.fromEntries([...file.tensors].map(([name, { shape }]) => [name, shape])),
    tensors,
  };
}

/** Sorts lists without duplicates; peft names each of modules_to_save twice for prompts. */
function normalised(config: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(config).map(([key, value]) => [
      key,
      Array.isArray(value) ? [...new Set(value)].sort() : value,
    ]),
  );
}
