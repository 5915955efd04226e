// Tests a config.json that ties the output to the embedding while the file has a different lm_head.weight, as
// after merging a retrained output: transformers 5.24 does not tie tensors that both exist and differ. Golden
// logits are written by make.py in the case's folder.
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openCheckpoint } from '../../harness/data/formats/checkpoint.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { checkVariant, readVariants, writeVariant } from './tied-checkpoint.ts';
import { changeTensors } from '../support/change-tensors.ts';

const folder = join(import.meta.dirname, 'reports-tied-own-head');
const engine = await createEngine({ name: 'js' });
const head = 'lm_head.weight';

describe.each(['gpt2', 'llama'])('%s', (name) => {
  const { variants } = readVariants(folder, name);
  it.each(variants)('$title', (variant) => checkVariant(engine, folder, name, variant));

  it('counts the output where it is one of its own', async () => {
    const [differ, equal] = await Promise.all(
      variants.slice(0, 2).map(async (variant) => loadBase(await writeVariant(folder, name, variant))),
    );
    expect(Object.keys(differ!.shapes)).toEqual([...Object.keys(equal!.shapes), head]);
    expect([differ!.unused, equal!.unused]).toEqual([[], []]);
  });

  it('refuses an output of another shape', async () => {
    const model = await writeVariant(folder, name, variants[0]!);
    const path = join(model, 'model.safetensors');
    await changeTensors(path, (tensors) => ({
      ...tensors,
      [head]: { shape: [9, 8], data: new Float32Array(72) },
    }));
    await expect(loadBase(model)).rejects.toThrow(
      /gives lm_head\.weight the shape \[9, 8\], config\.json says \[10, 8\]/,
    );
  });
});

it('a copy in another number format is a copy where its values are the same', async () => {
  // The tensors hold 1.5 and −2 in float32 and in bfloat16, and 1.5 and −2.5.
  const float32 = Buffer.from(new Float32Array([1.5, -2, 1.5, -2.5]).buffer);
  const header = JSON.stringify({
    a: { dtype: 'F32', shape: [2], data_offsets: [0, 8] },
    b: { dtype: 'F32', shape: [2], data_offsets: [8, 16] },
    c: { dtype: 'BF16', shape: [2], data_offsets: [16, 20] },
    d: { dtype: 'F32', shape: [1], data_offsets: [20, 24] },
  });
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(header.length));
  const bfloat16 = Buffer.from([0xc0, 0x3f, 0x00, 0xc0]);
  const file = join(await temporaryFolder(), 'model.safetensors');
  await writeFile(file, Buffer.concat([length, Buffer.from(header), float32, bfloat16, Buffer.alloc(4)]));
  const checkpoint = await openCheckpoint(dirname(file));
  expect(await checkpoint.isSame('a', 'c')).toBe(true);
  expect(await checkpoint.isSame('a', 'b')).toBe(false);
  expect(await checkpoint.isSame('b', 'c')).toBe(false);
  expect(await checkpoint.isSame('a', 'd')).toBe(false);
});
