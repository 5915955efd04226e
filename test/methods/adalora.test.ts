// Compares AdaLoRA with peft. Golden numbers are written by test/golden/adalora/make.py.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import adalora from '../../methods/adalora.ts';
import { takeSteps } from '../parity/adamw.ts';
import { computeDecoder, type Arrays, type Batch } from '../parity/decoder.ts';
import { hasParity, folderOf } from '../parity/folder.ts';

interface Golden {
  readonly options: Record<string, number>;
  readonly batch: Batch;
  readonly loss_state: number;
  readonly adamw: { lrs: number[]; losses: number[]; loss_final: number; weight_decay: number };
  /** Number of singular values other than 0 after each step. */
  readonly ranks: number[];
}

const folder = join(import.meta.dirname, '../golden/adalora');
const golden = JSON.parse(readFileSync(join(folder, 'adalora.json'), 'utf8')) as Golden;

describe.skipIf(!hasParity('gpt2-tiny', 'config.json'))('adalora', () => {
  it.each(['onnx', 'js'] as const)("equals peft's on %s, rank by rank", async (name) => {
    const file = await openSafetensors(join(folder, 'adalora.safetensors'));
    const read = (kind: string, ours: string): Promise<Float32Array> =>
      file.read(`${kind}.base_model.model.${ours}`);
    const engine = await createEngine({ name, threads: 1 });
    const base = await loadBase(folderOf('gpt2-tiny'));
    const { init_r, target_r, lora_alpha, tinit, tfinal, deltaT, beta1, beta2, orth_reg_weight } =
      golden.options;
    const delta = adalora.attach(
      base,
      adalora.options.parse({
        rank: init_r,
        targetRank: target_r,
        alpha: lora_alpha,
        beta1,
        beta2,
        initialSteps: tinit,
        finalSteps: tfinal,
        every: deltaT,
        orthogonality: orth_reg_weight,
      }),
    );
    const state: Arrays = {};
    for (const key of Object.keys(delta.trained)) state[key] = await read('state', key);
    const ours = await computeDecoder(engine, base, delta, state, golden.batch);
    expect(ours.loss / golden.loss_state).toBeCloseTo(1, 5.4);
    expect(ours.logits).toBeAllclose(await file.read('logits_state'), { atol: 1e-5 });
    for (const [key, gradient] of Object.entries(ours.gradients)) {
      const expected = await read('grad', key);
      const largest = Math.max(...expected.map(Math.abs));
      expect(gradient, key).toBeAllclose(expected, { atol: 1e-5 * largest });
    }

    const run = { ...golden.adamw, optimizer: 'adamw' as const };
    const { losses, final } = await takeSteps(engine, base, delta, state, golden.batch, run);
    expect(losses).toBeAllclose([...golden.adamw.losses, golden.adamw.loss_final], { rtol: 1e-5 });
    let kept = 0;
    for (const [key, values] of Object.entries(final)) {
      const expected = await read('final', key);
      expect(values, key).toBeAllclose(expected, { atol: 1e-4 });
      if (!key.endsWith('lora_E')) continue;
      expect(values.map((x) => (x === 0 ? 0 : 1))).toEqual(expected.map((x) => (x === 0 ? 0 : 1)));
      kept += values.filter((x) => x !== 0).length;
    }
    expect(kept).toBe(golden.ranks.at(-1));
  });

  it('refuses a target above the rank', async () => {
    const base = await loadBase(folderOf('gpt2-tiny'));
    expect(() => adalora.attach(base, adalora.options.parse({ rank: 2 }))).toThrow(
      "AdaLoRA's target rank 8 is above its rank 2",
    );
  });
});
