// Checkpoints of GPTQ against their dequantisation in PyTorch (test/golden/gptq/make.py) and by AutoGPTQ itself
// (from-auto-gptq.py), and what is refused.
import { createHash } from 'node:crypto';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { baseWeightsText, parseBaseWeights } from '../../../harness/models/bases/base-weights.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { cacheFolder } from '../../../harness/support/cache-folder.ts';
import dora from '../../../methods/dora.ts';
import { damagedBytes, readDamaged } from '../../fuzz.ts';
import { computeDecoder, type Arrays } from '../../parity/decoder.ts';
import { useTemporaryCache } from '../../support/temporary.ts';

const golden = join(import.meta.dirname, '../../golden/gptq');
interface Golden {
  readonly hashes: Readonly<Record<string, string>>;
  readonly input_ids: number[][];
  readonly logits: readonly number[];
}
const goldens = JSON.parse(await readFile(join(golden, 'golden.json'), 'utf8')) as Record<string, Golden>;

useTemporaryCache();

/** Logits, loss and gradients of DoRA, whose norms need the weights themselves, at drawn tensors. */
async function compute(base: BaseModel, ids: number[][], scale: number) {
  const delta = dora.attach(base, dora.options.parse({ rank: 4, dropout: 0 }));
  const state: Arrays = {};
  for (const [name, spec] of Object.entries(delta.trained)) {
    const start = await spec.init(randomStream(1, name), base);
    const noise = randomStream(2, name).normal(start.length, 0, scale);
    state[name] = start.map((x, i) => x + noise[i]!);
  }
  const batch = { input_ids: ids, attention_mask: ids.map((row) => row.map(() => 1)), labels: ids };
  return computeDecoder(await createEngine({ name: 'onnx', threads: 1 }), base, delta, state, batch);
}

describe('a checkpoint of GPTQ', () => {
  for (const [folder, { hashes, input_ids, logits }] of Object.entries(goldens)) {
    it(`${folder} holds PyTorch's numbers, bit for bit, and computes its logits`, async () => {
      const base = await loadBase(join(golden, folder));
      for (const [name, hash] of Object.entries(hashes)) {
        const bytes = new Uint8Array((await base.tensor(name)).buffer);
        expect(createHash('sha256').update(bytes).digest('hex'), name).toBe(hash);
      }
      const ours = await compute(base, input_ids, 0);
      expect(ours.logits).toBeAllclose([...logits], { atol: 2e-5 });
    });

    it(`${folder} trains as its numbers in float32 do`, async () => {
      const base = await loadBase(join(golden, folder));
      const whole = await loadBase(join(golden, folder), { baseWeights: null });
      expect(whole.weights).toBeUndefined();
      const [ours, theirs] = [await compute(base, input_ids, 0.1), await compute(whole, input_ids, 0.1)];
      expect(ours.loss).toBeCloseTo(theirs.loss, 5);
      expect(ours.logits).toBeAllclose(theirs.logits, { atol: 2e-5 });
      for (const [name, gradient] of Object.entries(theirs.gradients)) {
        const largest = gradient.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
        expect(ours.gradients[name], name).toBeAllclose(gradient, { atol: 1e-5 * largest });
      }
    });
  }

  it('says how it is kept, and stays so or becomes float32', async () => {
    const texts = await Promise.all(
      Object.keys(goldens).map(async (folder) =>
        baseWeightsText((await loadBase(join(golden, folder))).weights),
      ),
    );
    const groups = ['gptq~group=32', 'gptq~group=32,ordered'];
    expect(texts).toEqual([...groups, 'gptq~group=all', ...groups]);
    await expect(loadBase(join(golden, 'v1'), { baseWeights: { kind: 'bfloat16' } })).rejects.toThrow(
      /is gptq~group=32 already; leave the option out, or give float32/,
    );
    expect(() => parseBaseWeights('gptq')).toThrow(
      "GPTQ's weights are read from its checkpoints, not made here",
    );
  });

  /** A copy of a golden with another quantization_config, or with bytes of one tensor replaced. */
  async function changed(folder: string, config: object, tensor?: string, bytes?: readonly number[]) {
    const copy = await mkdtemp(join(cacheFolder(), 'gptq-'));
    await cp(join(golden, folder), copy, { recursive: true });
    const path = join(copy, 'config.json');
    const given = JSON.parse(await readFile(path, 'utf8')) as { quantization_config: object };
    const quantization_config = { ...given.quantization_config, ...config };
    await writeFile(path, JSON.stringify({ ...given, quantization_config }));
    const file = join(copy, 'model.safetensors');
    if (tensor !== undefined) {
      const { begin } = (await openSafetensors(file)).tensors.get(tensor)!;
      const content = await readFile(file);
      content.set(bytes!, begin);
      await writeFile(file, content);
    }
    return loadBase(copy);
  }
  const module = 'model.layers.0.self_attn.q_proj';

  it('is refused by name where it is of another kind or contradicts itself', async () => {
    await expect(changed('v1', { bits: 8 })).rejects.toThrow(/quant_method "gptq"; its bits does not fit/);
    await expect(changed('v1', { checkpoint_format: 'marlin' })).rejects.toThrow(/its checkpoint_format/);
    await expect(changed('v1', { quant_method: 'awq' })).rejects.toThrow(
      /quant_method "awq"; that of bitsandbytes/,
    );
    await expect(changed('v1', { group_size: 16 })).rejects.toThrow(
      /\.qzeros has the shape \[\d, \d+\], not \[\d, \d+\]/,
    );
    const read = async (base: Promise<BaseModel>) => (await base).tensor(`${module}.weight`);
    await expect(read(changed('v2-ordered', { desc_act: false }))).rejects.toThrow(
      `${module}.g_idx has groups in another order, though desc_act is false`,
    );
    await expect(read(changed('v1', {}, `${module}.g_idx`, [9]))).rejects.toThrow(
      `${module}.g_idx does not divide 64 inputs into groups of 32`,
    );
    await expect(read(changed('v1', {}, `${module}.scales`, [0, 0x7c]))).rejects.toThrow(
      `${module}.scales holds scales that are not finite`,
    );
    await expect(changed('v1', {}, `${module}.bias`, [0, 0x3c])).rejects.toThrow(`${module}.bias`);
  });

  it('reads damaged files or refuses them in one line', async () => {
    const bytes = await readFile(join(golden, 'v2-ordered/model.safetensors'));
    await readDamaged(damagedBytes(bytes), async (damaged) => {
      const copy = await mkdtemp(join(cacheFolder(), 'fuzz-'));
      await cp(join(golden, 'v2-ordered/config.json'), join(copy, 'config.json'));
      await writeFile(join(copy, 'model.safetensors'), damaged);
      await (await loadBase(copy, { baseWeights: null })).tensor(`${module}.weight`);
      await rm(copy, { recursive: true });
    });
  });
});
