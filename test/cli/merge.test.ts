// Tests of `bench merge`: a merged checkpoint computes what the base with the method does.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { UsageError } from '../../harness/support/errors.ts';
import { createEngine } from '../../harness/engine/create.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { writeMerged } from '../../harness/runs/outcome/to-checkpoint.ts';
import { projectRoot } from '../../harness/support/project-root.ts';
import { openTrainedRun } from '../../harness/runs/outcome/open-run.ts';
import { Interrupted } from '../../harness/training/loop/job.ts';
import { computeDecoder } from '../parity/decoder.ts';
import { tinyBatch } from '../methods/tiny.ts';
import { writeTinyE2E } from './bench.ts';
import { benchInside } from './inside.ts';

// The tests merge a run that was trained for a few steps.
const folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
const data = join(folder, 'data');
const tokenizer = join(data, 'tokenizers', 'gpt2');
const results = join(folder, 'results');
const model = 'random-gpt2~layers=2,width=16,heads=2,vocab=300,positions=128';
const recordOf = (variant: string): string => join(results, 'e2e', model, variant, 'seed-42.json');

const bench = benchInside(folder);

beforeAll(async () => {
  await writeTinyE2E(data);
  const { exitCode, stderr } = await bench(
    ...[
      '--task',
      'e2e',
      '--model',
      model,
      '--method',
      'lora+red~lora.rank=2',
      'prompt',
      '--results',
      results,
    ],
    ...['--data', data, '--max-steps', '20', '--limit', '8', '--threads', '1'],
    ...['--set', 'max-new-tokens=4', 'learning-rate=0.05', 'virtual-tokens=3'],
  );
  expect(exitCode, stderr).toBe(0);
});
afterAll(() => rm(folder, { recursive: true }));

const variant = 'lora+red~lora.rank=2';
const given = ['--tokenizer', tokenizer];

test('a run becomes a checkpoint that computes the same without the method', async () => {
  const out = join(folder, 'merged');
  const { stdout, stderr, exitCode } = await bench(
    'merge',
    recordOf(variant),
    '--out',
    out,
    ...given,
    '--json',
  );
  expect(exitCode, stderr).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    folder: out,
    model,
    variant,
    label: 'LoRA (rank=2) + RED',
    tensors: 28,
  });
  expect((await readdir(out)).sort()).toEqual([
    'config.json',
    'model.safetensors',
    'tokenizer.json',
    'tokenizer_config.json',
  ]);

  const engine = await createEngine({ name: 'js' });
  const { base, delta, values } = await openTrainedRun(recordOf(variant), { tokenizer });
  const batch = tinyBatch();
  const trained = await computeDecoder(engine, base, delta, values, batch);
  const merged = await computeDecoder(engine, await loadBase(out), { trained: {} }, {}, batch);
  const largest = trained.logits.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  expect(merged.logits).toBeAllclose(trained.logits, { atol: 1e-5 * largest });
  const untrained = await computeDecoder(engine, base, { trained: {} }, {}, batch);
  expect(merged.logits).not.toBeAllclose(untrained.logits, { atol: 1e-2 * largest });

  const params = await bench('params', '--model', out, '--method', 'red');
  expect(params.stdout, params.stderr).toContain('trainable params: 64');
});

describe('what is wrong is one clear line, and nothing is written', () => {
  const out = join(folder, 'nothing');
  const lora = recordOf(variant);
  const nothing = { signal: new AbortController().signal, onProgress: () => undefined };

  test('by the command line, exit code 2', async () => {
    const record = recordOf('prompt~virtualTokens=3');
    const { stdout, stderr, exitCode } = await bench('merge', record, ...given, '--out', out);
    expect(stderr).toMatch(
      /^error: prompt: It cannot be merged: what it adds is no fixed linear change .*\.$/,
    );
    expect([stdout, exitCode]).toEqual(['', 2]);
    expect(await readdir(folder)).not.toContain('nothing');
  });

  test.each([
    [recordOf('lora'), { tokenizer }, /There is no record .*lora.seed-42\.json/],
    [
      join(data, 'train.txt'),
      { tokenizer },
      /train\.txt is no record; give a run's record, seed-<n>\.json under results\//,
    ],
    [lora, {}, /give one with --tokenizer DIR/],
    [lora, { tokenizer, model: model.replace('heads=2', 'heads=4') }, /the run trained on other weights/],
    [lora, { tokenizer: join(projectRoot, 'test', 'golden') }, /golden holds no tokenizer/],
  ])('%#', async (path, options, reason) => {
    vi.stubEnv('DELTABENCH_DATA', undefined);
    vi.stubEnv('HF_HOME', join(folder, 'hub'));
    vi.stubEnv('HF_ENDPOINT', 'http://127.0.0.1:9');
    const opened = openTrainedRun(path, options);
    await expect(opened).rejects.toThrow(UsageError);
    await expect(opened).rejects.toThrow(reason);
  });

  test('a folder that holds something stays as it is', async () => {
    const before = await readdir(results);
    const written = writeMerged(await openTrainedRun(lora, { tokenizer }), results, nothing);
    await expect(written).rejects.toThrow(/results is there already and not empty; remove it or choose/);
    expect(await readdir(results)).toEqual(before);
  });

  test('stopped half-way', async () => {
    const controller = new AbortController();
    const before = await readdir(folder);
    const onProgress = (done: number): void => {
      if (done === 5) controller.abort();
    };
    const run = await openTrainedRun(lora, { tokenizer });
    await expect(writeMerged(run, out, { signal: controller.signal, onProgress })).rejects.toThrow(
      Interrupted,
    );
    expect(await readdir(folder)).toEqual(before);
  });

  test('tensors that are not those of the record are not used', async () => {
    const copy = join(folder, 'copy');
    await mkdir(copy);
    await copyFile(lora, join(copy, 'seed-42.json'));
    const [path, file] = [join(copy, 'seed-42.json'), join(copy, 'seed-42.safetensors')];
    const open = () => openTrainedRun(path, { tokenizer });
    await expect(open()).rejects.toThrow(/has no seed-42\.safetensors beside it/);
    const bytes = await readFile(lora.replace(/json$/, 'safetensors'));
    bytes[bytes.length - 1]! ^= 1;
    await writeFile(file, bytes);
    await expect(open()).rejects.toThrow(/is not what the run wrote/);
  });
});
