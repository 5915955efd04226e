// Tests of `bench export` and --adapter: exported adapters of runs, and runs that start from an adapter.
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createEngine } from '../../harness/engine/create.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readPeftFolder, writePeftFolder } from '../../harness/exchange/peft/folder.ts';
import { initialize, unfrozenTensors } from '../../harness/models/delta/trained-tensors.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { adapterOf } from '../../harness/runs/outcome/to-adapter.ts';
import type { RunRecord } from '../../harness/records/record.ts';
import { openTrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { attachMethod } from '../exchange/reading.ts';
import { tinyBatch } from '../methods/tiny.ts';
import { computeDecoder, type Arrays } from '../parity/decoder.ts';
import { writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

// The tests export runs that were trained for a few steps.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
const tokenizer = join(data, 'tokenizers', 'gpt2');
const results = join(folder, 'results');
const model = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';
const recordOf = (variant: string): string => join(results, 'e2e', model, variant, 'seed-42.json');
/** Variants with trained, frozen, state and base tensors, of types that peft has and lacks. */
const variants = [
  'lora~rank=2',
  'adalora~rank=4,targetRank=2',
  'vera~rank=4',
  'red~position=ffn+attn',
  'loreft~rank=2',
  'adapter~bottleneck=2~layerNorms=blocks',
];

const bench = benchInside(folder);

beforeAll(async () => {
  await writeTinyE2E(data);
  const { exitCode, stderr } = await bench(
    ...['--task', 'e2e', '--model', model, '--method', ...variants, 'lora+red', 'full'],
    ...['--results', results, '--data', data, '--max-steps', '20', '--limit', '8', '--threads', '1'],
    ...['--set', 'max-new-tokens=4', 'learning-rate=0.02'],
  );
  expect(exitCode, stderr).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

const logits = async (base: BaseModel, delta: Delta, tensors: Arrays): Promise<Float32Array> =>
  (await computeDecoder(await createEngine({ name: 'js' }), base, delta, tensors, tinyBatch())).logits;

describe('what a run trained becomes an adapter that computes the same', () => {
  test.each(variants)('%s', async (variant) => {
    const paths = await readdir(join(results, 'e2e', model));
    const path = paths.find((name) => name.startsWith(variant.split('~')[0]!) && !name.includes('+red'))!;
    const run = await openTrainedRun(recordOf(path), { tokenizer });
    const out = join(folder, 'adapters', variant);
    await writePeftFolder(out, await adapterOf(run), run.base);

    const adapter = await readPeftFolder(out, run.base);
    expect(adapter.method).toBe(variant.split('~')[0]);
    const method = attachMethod(run.base, adapter.method, adapter.options);
    const { base, delta } = startFrom(run.base, method, adapter, out);
    const tensors = await initialize(delta.trained, base, 0);
    for (const name of unfrozenTensors(base, delta)) tensors[name] = await base.tensor(name);
    const expected = await logits(run.base, run.delta, run.values);
    expect([...(await logits(base, delta, tensors))]).toEqual([...expected]);
    const untrained = await logits(run.base, { trained: {} }, {});
    expect(expected).not.toBeAllclose(untrained, { atol: 1e-3 });
  });
});

test('the command says what it wrote, and refuses to write over it', async () => {
  const out = join(folder, 'exported');
  const args = ['export', recordOf('lora~rank=2'), '--out', out, '--tokenizer', tokenizer];
  const { stdout, stderr, exitCode } = await bench(...args, '--json');
  expect(exitCode, stderr).toBe(0);
  const label = 'LoRA (rank=2)';
  expect(JSON.parse(stdout)).toEqual({
    folder: out,
    model,
    variant: 'lora~rank=2',
    label,
    peftType: 'LORA',
    tensors: 4,
    loader: 'load.py',
  });
  expect((await readdir(out)).sort()).toEqual([
    'adapter_config.json',
    'adapter_model.safetensors',
    'load.py',
  ]);
  expect(JSON.parse(await readFile(join(out, 'adapter_config.json'), 'utf8'))).toMatchObject({
    peft_type: 'LORA',
    r: 2,
    target_modules: ['c_attn'],
    fan_in_fan_out: true,
    task_type: 'CAUSAL_LM',
  });
  const again = await bench(...args);
  expect(again.stderr).toContain('is there already and not empty');
  expect(again.exitCode).toBe(2);
});

test('an adapter tested alone scores as its run did, once for all seeds; else training goes on', async () => {
  const run = await openTrainedRun(recordOf('red~position=ffn+attn'), { tokenizer });
  const out = join(folder, 'started');
  await writePeftFolder(out, await adapterOf(run), run.base);
  const common = [
    '--task',
    'e2e',
    '--model',
    model,
    '--data',
    data,
    '--limit',
    '8',
    '--threads',
    '1',
    '--json',
  ];
  const more = ['--results', results, '--adapter', out, '--set', 'max-new-tokens=4', 'learning-rate=0.02'];
  const tested = await bench(...common, ...more, '--max-steps', '0', '--seeds', '42', '43', '44');
  expect(tested.exitCode, tested.stderr).toBe(0);
  const { runs } = JSON.parse(tested.stdout) as { runs: (RunRecord & { path: string })[] };
  // The run trains and draws nothing, so one seed suffices.
  expect(runs.map(({ settings }) => settings.seed)).toEqual([42]);
  const record = runs[0]!;
  expect(record.method.variant).toMatch(/^red~position=ffn\+attn~from=[0-9a-f]{8}$/);
  expect(record.training).toMatchObject({ steps: 0, evaluations: [] });
  expect(record.settings.start?.hash.slice(0, 8)).toBe(record.method.variant.slice(-8));
  expect(record.files.predictions?.sha256).toBe(run.record.files.predictions?.sha256);
  expect(record.metrics).toEqual(run.record.metrics);

  const gone = await bench(...common, ...more, '--max-steps', '3');
  expect(gone.exitCode, gone.stderr).toBe(0);
  const [after] = (JSON.parse(gone.stdout) as { runs: RunRecord[] }).runs as [RunRecord];
  expect(after.training).toMatchObject({ steps: 3, neverMoved: [] });
  // The first loss is the other run's last, not that of the method's initial values.
  const firstLoss = async (path: string): Promise<number> =>
    (JSON.parse((await readFile(path, 'utf8')).split('\n')[0]!) as { loss: number }).loss;
  const variantFolder = dirname(runs[0]!.path);
  const first = await firstLoss(join(variantFolder, after.files.steps!.name));
  const original = await firstLoss(
    join(dirname(recordOf('red~position=ffn+attn')), run.record.files.steps!.name),
  );
  expect(first).toBeLessThan(original - 0.05);

  for (const [args, message] of [
    [['--method', 'red'], '--adapter says what the method is; leave out --method.'],
    [['--set', 'position=attn'], "--set position: the adapter has its method's options already."],
    [['--model', 'gpt2'], '--adapter belongs to one --model, the base that it was trained on; given are '],
  ] as const) {
    const { stderr, exitCode } = await bench(...common, ...more, ...args);
    expect(stderr).toContain(message);
    expect(exitCode).toBe(2);
  }
});

test('what no adapter can hold is refused with the reason', async () => {
  const exported = async (variant: string) =>
    adapterOf(await openTrainedRun(recordOf(variant), { tokenizer }));
  await expect(exported('lora+red')).rejects.toThrow(
    'lora+red is 2 methods together, and an adapter holds one.',
  );
  await expect(exported('full')).rejects.toThrow("full trains only the base's own tensors");
});
