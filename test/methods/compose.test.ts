// Compares two methods on the same linears, and their merged checkpoint, with PyTorch; DELTABENCH_PYTHON
// names the Python that has it.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { execa } from 'execa';
import { describe, expect, it } from 'vitest';
import { writeSafetensors } from '../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { attachMethods } from '../../harness/runs/cell/attach-method.ts';
import { writeMerged } from '../../harness/runs/outcome/to-checkpoint.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import type { TrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { parseVariant } from '../../harness/runs/plan/variants/parse-variant.ts';
import { temporaryFolder } from '../support/temporary.ts';
import { computeDecoder, type Arrays } from '../parity/decoder.ts';
import { hasParity, folderOf } from '../parity/folder.ts';
import { startOf, tinyBatch } from './tiny.ts';

const python = process.env.DELTABENCH_PYTHON;
const model = folderOf('gpt2-tiny');

interface Reference {
  readonly loss: number;
  readonly logits: number[];
  readonly gradients: Record<string, number[]>;
}

const largest = (values: ArrayLike<number>): number =>
  Array.from(values).reduce((most, x) => Math.max(most, Math.abs(x)), 0);

describe.skipIf(!python || !hasParity('gpt2-tiny', 'config.json'))('torch', () => {
  it('computes lora+red, red+lora and their merged checkpoints as deltabench does', async () => {
    const folder = await temporaryFolder();
    const base = await loadBase(model);
    const engine = await createEngine({ name: 'onnx', threads: 1 });
    const methods = await loadMethods();
    const batch = tinyBatch();
    const jobs: object[] = [];
    const computed: Awaited<ReturnType<typeof computeDecoder>>[] = [];
    for (const order of ['lora+red', 'red+lora']) {
      const options = 'lora.targets=queryKeyValue,mlpOutput~lora.rank=2~lora.alpha=3~red.position=ffn+attn';
      const variant = parseVariant(`${order}~${options}`, methods);
      const delta = await attachMethods(variant, base);
      const state: Arrays = await startOf(base, delta, 0.3);
      computed.push(await computeDecoder(engine, base, delta, state, batch));

      const [tensors, merged] = [join(folder, `${order}.safetensors`), join(folder, order)];
      const stored = Object.entries(state).map(
        ([name, data]) => [name, { shape: delta.trained[name]!.shape, data }] as const,
      );
      await writeSafetensors(tensors, Object.fromEntries(stored));
      const run = { base, delta, values: state, parts: variant.parts, head: {}, tokenizer: { files: [] } };
      const events = { signal: new AbortController().signal, onProgress: () => undefined };
      await writeMerged(run as unknown as TrainedRun, merged, events);
      jobs.push({ folder: model, tensors, scale: 1.5, order }, { folder: merged });
    }
    await writeFile(join(folder, 'jobs.json'), JSON.stringify({ batch, jobs }));
    const script = join(import.meta.dirname, 'compose_torch.py');
    const { stdout } = await execa(python!, [script, join(folder, 'jobs.json')], {
      env: { HF_HUB_OFFLINE: '1' },
    });
    const references = JSON.parse(stdout) as Reference[];
    for (const [i, ours] of computed.entries()) {
      const [theirs, merged] = [references[2 * i]!, references[2 * i + 1]!];
      expect(ours.loss / theirs.loss).toBeCloseTo(1, 5.4);
      expect(ours.logits).toBeAllclose(theirs.logits, { atol: 1e-5 * largest(theirs.logits) });
      expect(Object.keys(ours.gradients).sort()).toEqual(Object.keys(theirs.gradients).sort());
      for (const [name, gradient] of Object.entries(theirs.gradients)) {
        expect(ours.gradients[name], name).toBeAllclose(gradient, { atol: 2e-5 * largest(gradient) });
      }
      expect(merged.logits).toBeAllclose(theirs.logits, { atol: 1e-5 * largest(theirs.logits) });
    }
    expect(computed[0]!.loss).not.toBeCloseTo(computed[1]!.loss, 4);
  });
});
