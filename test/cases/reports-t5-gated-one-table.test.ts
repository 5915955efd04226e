// Tests T5 1.1 as transformers 5 saves it: tied by config.json, not scaled (scale_decoder_outputs), and one
// embedding table under any of its names. Golden logits of T5 1.0 and gated 1.1 are those of transformers
// 5.24.0, written by ../reports-tied-own-head/make.py.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { checkVariant, readVariants, writeVariant } from './tied-checkpoint.ts';
import { changeTensors } from '../support/change-tensors.ts';

const folder = join(import.meta.dirname, 'reports-t5-gated-one-table');
const engine = await createEngine({ name: 'js' });

describe.each(['t5', 't5-gated'])('%s', (name) => {
  const { variants } = readVariants(folder, name);
  it.each(variants)('$title', (variant) => checkVariant(engine, folder, name, variant));
});

it('tables of the stacks that differ are refused by name', async () => {
  const variant = readVariants(folder, 't5').variants.find(({ title }) => title.endsWith('all names'))!;
  const model = await writeVariant(folder, 't5', variant);
  const path = join(model, 'model.safetensors');
  await changeTensors(path, (tensors) => {
    tensors['decoder.embed_tokens.weight']!.data[79]! += 1;
    return tensors;
  });
  await expect(loadBase(model)).rejects.toThrow(
    /has shared\.weight and decoder\.embed_tokens\.weight, which differ; deltabench has one embedding for a model/,
  );
});
