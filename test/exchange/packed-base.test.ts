// Export and merge on bases in four bits. What peft makes of the adapter on the same base in bitsandbytes needs
// a Python with torch, transformers, peft and bitsandbytes, which DELTABENCH_PYTHON names.
import { copyFile, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { openSafetensors } from '../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { openTrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { writeTinyE2E } from '../cli/bench.ts';
import { benchInside } from '../cli/inside.ts';
import { computeDecoder, type Batch } from '../parity/decoder.ts';

const python = process.env.DELTABENCH_PYTHON;
const program = join(import.meta.dirname, 'load-packed.py');
const runPython = (...args: string[]) =>
  execa(python!, [program, ...args], { env: { HF_HUB_OFFLINE: '1', OMP_NUM_THREADS: '1' } });
const hasBitsandbytes =
  python !== undefined &&
  (await execa(python, ['-c', 'import peft, bitsandbytes'], { reject: false })).exitCode === 0;

const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
afterAll(() => rm(folder, { recursive: true }));
const data = join(folder, 'data');
const tokenizer = join(data, 'tokenizers', 'gpt2');
const bench = benchInside(folder);
beforeAll(() => writeTinyE2E(data));

/** The batch of load-packed.py, and its logits here. */
const ids = Array.from({ length: 2 }, (_, row) =>
  Array.from({ length: 12 }, (_, i) => ((12 * row + i) * 7) % 300),
);
const batch: Batch = {
  input_ids: ids,
  attention_mask: ids.map((row) => row.map(() => 1)),
  labels: ids,
  position_ids: ids.map((row) => row.map((_, i) => i)),
};

/** Trains LoRA on a base for a few steps; gives the path of the record. */
async function trained(model: string, ...more: string[]): Promise<string> {
  const common = [
    '--task',
    'e2e',
    '--method',
    'lora',
    '--model',
    model,
    '--data',
    data,
    '--tokenizer',
    tokenizer,
  ];
  const short = ['--max-steps', '12', '--limit', '8', '--threads', '1', '--results', join(folder, 'results')];
  const { exitCode, stderr, stdout } = await bench(
    ...[...common, ...short, ...more, '--json'],
    ...['--set', 'max-new-tokens=2', 'learning-rate=0.05'],
  );
  expect(exitCode, stderr).toBe(0);
  return (JSON.parse(stdout) as { runs: { path: string }[] }).runs[0]!.path;
}

async function logitsOf(record: string): Promise<Float32Array> {
  const { base, delta, values } = await openTrainedRun(record, { tokenizer });
  return (await computeDecoder(await createEngine({ name: 'onnx', threads: 1 }), base, delta, values, batch))
    .logits;
}

it('a run on four bits merges into unpacked weights of the type asked for', async () => {
  const record = await trained('random-llama~layers=2,width=64,heads=4,vocab=300', '--base-weights', 'nf4');
  const logits = await logitsOf(record);
  const largest = logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  for (const [dtype, name, tolerance] of [
    ['float32', 'F32', 1e-5],
    ['bfloat16', 'BF16', 5e-2],
    ['float16', 'F16', 5e-3],
  ] as const) {
    const out = join(folder, dtype);
    const { exitCode, stdout, stderr } = await bench(
      ...['merge', record, '--out', out, '--tokenizer', tokenizer, '--dtype', dtype],
    );
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toContain('Its weights in nf4 were unpacked.');
    const { tensors } = await openSafetensors(join(out, 'model.safetensors'));
    expect(new Set([...tensors.values()].map((tensor) => tensor.dtype))).toEqual(new Set([name]));
    const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
    expect(config.torch_dtype).toBe(dtype === 'float32' ? undefined : dtype);
    const base = await loadBase(out);
    expect(base.weights).toBeUndefined();
    const engine = await createEngine({ name: 'onnx', threads: 1 });
    const merged = await computeDecoder(engine, base, { trained: {} }, {}, batch);
    expect(merged.logits, dtype).toBeAllclose(logits, { atol: tolerance * largest });
  }
});

it.skipIf(!hasBitsandbytes)(
  'peft computes the same with the adapter on the same base in bitsandbytes',
  async () => {
    const model = join(folder, 'packed');
    await runPython('make', model);
    for (const file of ['tokenizer.json', 'tokenizer_config.json'])
      await copyFile(join(tokenizer, file), join(model, file));
    const record = await trained(model);
    const logits = await logitsOf(record);
    const adapter = join(folder, 'adapter');
    const exported = await bench('export', record, '--out', adapter, '--tokenizer', tokenizer);
    expect(exported.exitCode, exported.stderr).toBe(0);
    const largest = logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
    const theirs = async (...args: string[]): Promise<number[]> =>
      JSON.parse((await runPython(...args)).stdout.trim().split('\n').at(-1)!) as number[];
    expect(logits).toBeAllclose(await theirs('logits', model, adapter), { atol: 1e-5 * largest });
    const merged = join(folder, 'merged');
    const { exitCode, stderr } = await bench('merge', record, '--out', merged, '--tokenizer', tokenizer);
    expect(exitCode, stderr).toBe(0);
    expect(logits).toBeAllclose(await theirs('merged', merged), { atol: 1e-5 * largest });
  },
);
