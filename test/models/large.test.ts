// Tests of checkpoints above 2 GiB, in shards and in half precision.
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import { generate } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { temporaryFolder } from '../support/temporary.ts';

async function tensorsOf(
  base: BaseModel,
): Promise<Record<string, { shape: readonly number[]; data: Float32Array }>> {
  const tensors: Record<string, { shape: readonly number[]; data: Float32Array }> = {};
  for (const [name, shape] of Object.entries(base.shapes)) {
    // Half precision represents these values exactly.
    const data = (await base.tensor(name)).map((x) => Math.round(x * 1024) / 1024);
    tensors[name] = { shape, data };
  }
  return tensors;
}

it('a checkpoint may be larger than 2 GiB, its weights mapped from where they lie', async () => {
  // The engine maps weights of more than 64 MB and copies smaller ones.
  const random = await loadBase('random-llama~layers=1,width=512,heads=8,kvHeads=4,inner=512,vocab=17000');
  const folder = await temporaryFolder();
  // An unused tensor of 2 GiB comes first; it is a hole in the file and takes no disk space.
  let end = 2 ** 31 + 64;
  const header: Record<string, unknown> = {
    'model.layers.0.self_attn.rotary_emb.inv_freq': { dtype: 'U8', shape: [end], data_offsets: [0, end] },
  };
  const places: [number, Float32Array][] = [];
  for (const [name, shape] of Object.entries(random.shapes)) {
    const data = await random.tensor(name);
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + data.byteLength] };
    places.push([end, data]);
    end += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header).padEnd(4096));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = await open(join(folder, 'model.safetensors'), 'w');
  await file.write(Buffer.concat([length, json]), 0, 8 + json.length, 0);
  for (const [at, data] of places) {
    await file.write(new Uint8Array(data.buffer), 0, data.byteLength, 8 + json.length + at);
  }
  await file.close();
  await writeFile(join(folder, 'config.json'), JSON.stringify(random.config));

  const base = await loadBase(folder);
  const name = 'model.layers.0.self_attn.q_proj.weight';
  expect(await base.tensor(name)).toEqual(await random.tensor(name));
  expect(base.location('lm_head.weight')!.offset).toBeGreaterThan(2 ** 31);
  const engine = await createEngine({ name: 'onnx', threads: 1 });
  const job = {
    engine,
    delta: { trained: {} },
    tensors: {},
    prompts: [[5, 17, 3, 11]],
    maxNewTokens: 8,
    beams: 1,
    eosId: undefined,
  };
  const [mapped, embedded] = [await generate({ ...job, base }), await generate({ ...job, base: random })];
  expect(mapped.tokens).toEqual(embedded.tokens);
});

it('a checkpoint may be in shards, and in half precision', async () => {
  const random = await loadBase('random-llama~layers=2,width=16,heads=2,vocab=24');
  const tensors = await tensorsOf(random);
  const folder = await temporaryFolder();
  await writeFile(join(folder, 'config.json'), JSON.stringify(random.config));
  const map: Record<string, string> = {};
  for (const [i, dtype] of (['F32', 'F16'] as const).entries()) {
    const shard = `model-0000${i + 1}-of-00002.safetensors`;
    const part = Object.entries(tensors).filter(([name]) => /layers\.1|lm_head/.test(name) === (i === 1));
    await writeSafetensors(join(folder, shard), Object.fromEntries(part), {}, { dtype });
    for (const [name] of part) map[name] = shard;
  }
  await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: map }));
  const base = await loadBase(folder);
  for (const [name, { data }] of Object.entries(tensors)) expect(await base.tensor(name), name).toEqual(data);
});
