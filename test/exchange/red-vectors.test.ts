// Tests of reading the RED authors' released vectors (in DELTABENCH_DATA), with the counts that the paper
// prints.
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { readTorchZip } from '../../harness/data/formats/torch-zip.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readRedVectors } from '../../harness/exchange/red-vectors.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { publicConfigs } from '../../harness/models/bases/public-configs.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { torchFile, type Piece } from '../data/formats/torch-archive.ts';
import { attachMethod } from './reading.ts';

const released = process.env.DELTABENCH_DATA && join(process.env.DELTABENCH_DATA, 'red-checkpoints');
const python = process.env.DELTABENCH_PYTHON;
const files = [
  ['GPT-2_gpt2_medium_checkpoint.pth', 'gpt2-medium', 49_152],
  ['GPT-2_gpt2_large_checkpoint.pth', 'gpt2-large', 92_160],
  ['RoBERTa_RoBERTa_base_checkpoint_mnli.pth', 'roberta-base', 18_432],
  ['RoBERTa_RoBERTa_large_checkpoint_mnli.pth', 'roberta-large', 49_152],
  ['T5_T5-base_checkpoint_mnli.pth', 't5-base', 36_864],
  ['Llama_checkpoint.pth', 'meta-llama/Llama-2-7b-hf', 262_144],
] as const;

describe("the RED authors' released vectors", () => {
  for (const [file, model, count] of files) {
    const path = join(released ?? '', file);
    it.skipIf(!released || !existsSync(path) || !(model in publicConfigs))(
      `${file} is RED on ${model}`,
      async () => {
        const base = await loadBase(model);
        const adapter = await readRedVectors(path, base);
        expect(adapter).toMatchObject({
          method: 'red',
          options: { position: 'ffn', scaling: true, bias: true },
        });
        expect(adapter.options).not.toHaveProperty('layers');
        const { delta } = startFrom(base, attachMethod(base, 'red', adapter.options), adapter, file);
        const values = await initialize(delta.trained, base, 0);
        expect(Object.values(values).reduce((sum, { length }) => sum + length, 0)).toBe(count);
      },
    );
  }

  it.skipIf(!python || !released || !existsSync(released))('have the values that torch reads', async () => {
    const script = `
import sys, json, torch
summary = lambda v: [v.double().sum().item(), v.flatten()[3].item()]
print(json.dumps([{k: summary(v) for k, v in torch.load(f, map_location="cpu").items()} for f in sys.argv[1:]]))
`;
    const paths = files.map(([file]) => join(released!, file));
    const { stdout } = await execa(python!, ['-c', script, ...paths]);
    const theirs = JSON.parse(stdout) as Record<string, [number, number]>[];
    for (const [i, path] of paths.entries()) {
      const ours = [...(await readTorchZip(path))];
      expect(Object.keys(theirs[i]!)).toEqual(ours.map(([name]) => name));
      const summaries = ours.flatMap(([, { data }]) => [data.reduce((sum, v) => sum + v, 0), data[3]!]);
      expect(summaries).toBeAllclose(Object.values(theirs[i]!).flat(), { rtol: 1e-9 });
    }
  });
});

const base = await loadBase('random-gpt2~layers=2,width=4,heads=2,vocab=50');
const vector = (at: number): Piece => ({ shape: [1, 4], data: [at, 1, 2, 3] });
const read = async (pieces: Record<string, Piece>) => {
  const path = join(await temporaryFolder(), 'delta_vector.pth');
  await writeFile(path, torchFile(pieces));
  return readRedVectors(path, base);
};

describe('vectors in the form that RED saves', () => {
  it('of some layers and without scaling', async () => {
    expect(await read({ 'transformer.h.1.mlp.c_proj.delta_vector.activation_bias': vector(5) })).toEqual({
      method: 'red',
      options: { position: 'ffn', scaling: false, bias: true, layers: [1] },
      tensors: { 'transformer.h.1.mlp.c_proj.red.bias': { shape: [4], data: Float32Array.of(5, 1, 2, 3) } },
      head: {},
    });
  });

  it('of another position, the names without what the base puts before them', async () => {
    const names = ['h.0.attn.c_proj', 'h.0.mlp.c_proj', 'h.1.attn.c_proj', 'h.1.mlp.c_proj'];
    const { options, tensors } = await read(
      Object.fromEntries(names.map((name, i) => [`${name}.delta_vector.activation_scaling`, vector(i)])),
    );
    expect(options).toEqual({ position: 'ffn+attn', scaling: true, bias: false });
    expect(Object.keys(tensors)).toEqual(names.map((name) => `transformer.${name}.red.scaling`));
  });

  it.each([
    ['h.0.mlp.c_proj.weight', vector(0), 'has a tensor "h.0.mlp.c_proj.weight"; RED\'s vectors are called'],
    ['h.0.mlp.c_proj.delta_vector.activation_ln', vector(0), 'trained activation_ln at h.0.mlp.c_proj'],
    ['layer.0.output.dense.delta_vector.activation_bias', vector(0), 'is no linear module of random-gpt2'],
    [
      'h.0.mlp.c_proj.delta_vector.activation_bias',
      { shape: [4], data: [1, 2, 3, 4] },
      'the shape [4]; a vector is [1, d]',
    ],
    [
      'h.0.mlp.c_fc.delta_vector.activation_bias',
      vector(0),
      'edits modules of role mlpUp; RED has no such position',
    ],
  ])('not %s', async (name, piece, message) => {
    await expect(read({ [name]: piece })).rejects.toThrow(message);
  });
});
