// Tests of pretraining every family on made-up text.
import { execa } from 'execa';
import { cp, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { openSafetensors } from '../../../harness/data/formats/safetensors.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { builtinFolder, builtinModels } from '../../../harness/models/bases/built-in.ts';
import { maskedHead } from '../../../harness/models/delta/masked-head.ts';
import { pretrain } from '../../../harness/runs/pretrain/pretrain.ts';
import type { PretrainRecord, PretrainRequest } from '../../../harness/runs/pretrain/pretrain-record.ts';
import { causalSequence, NOTHING } from '../../../harness/training/pretraining/draw.ts';
import { pretraining, type Row } from '../../../harness/training/pretraining/objective.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { Interrupted } from '../../../harness/training/loop/job.ts';
import { benchInside } from '../../cli/inside.ts';

// DELTABENCH_PYTHON names a Python with transformers, which loads the written bases and computes golden
// losses.
const python = process.env.DELTABENCH_PYTHON;

let folder: string;
let request: Omit<PretrainRequest, 'family' | 'out'>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'deltabench-'));
  const [plain, pairs] = [join(folder, 'plain.txt'), join(folder, 'pairs.jsonl')];
  const texts = Array.from({ length: 200 }, (_, i) => `Inn ${i % 90} by the river serves ${i % 7} soups.`);
  const rows = Array.from({ length: 100 }, (_, i) => ({
    input: `name : Inn ${i}`,
    target: `Inn ${i} it is.`,
  }));
  await writeFile(plain, texts.join('\n\n'));
  await writeFile(pairs, rows.map((row) => JSON.stringify(row)).join('\n'));
  request = {
    config: 'layers=2,width=32,heads=2',
    texts: [plain, pairs],
    vocabulary: 300,
    steps: 12,
    length: 48,
    seed: 42,
    settings: ['batchSize=4', 'warmup=0'],
    dtype: 'float32',
    threads: 1,
  };
});
afterAll(() => rm(folder, { recursive: true }));

const never = new AbortController().signal;
const quiet = { signal: never, onProgress: () => undefined };
const vocabularies: Readonly<Record<string, number>> = { llama: 280, t5: 180, bert: 150 };
const families = ['gpt2', 'llama', 'roberta', 'bert', 't5'];

/** Makes the base of a family in its folder, or gives back the one that is there. */
const make = (family: string): Promise<PretrainRecord> =>
  pretrain({ ...request, family, vocabulary: vocabularies[family] ?? 300, out: join(folder, family) }, quiet);

describe.each(families)('a pretrained %s', (family) => {
  it('learns, and is a base like any other', async () => {
    const { training, parameters } = await make(family);
    const [first, last] = [training.evaluations[0]!.loss, training.evaluations.at(-1)!.loss];
    expect(last).toBeLessThan(first - 0.02);
    const base = await loadBase(join(folder, family));
    const sizes = Object.values(base.shapes).map((shape) => shape.reduce((a, b) => a * b, 1));
    expect(parameters).toBeGreaterThanOrEqual(sizes.reduce((a, b) => a + b, 0));
    const values = await base.tensor(base.architecture.embedding);
    expect(values.every(Number.isFinite)).toBe(true);
    expect((await base.tokenizer()).vocabSize).toBe(base.architecture.vocabulary);
    await expect(stat(join(folder, `${family}.work`))).rejects.toThrow();
  });

  it('is given back where it is there, and kept from other settings', async () => {
    await make(family);
    const before = await readFile(join(folder, family, 'pretraining.json'), 'utf8');
    expect(await make(family)).toEqual(JSON.parse(before));
    const other = { ...request, family, out: join(folder, family), steps: 13 };
    await expect(pretrain(other, quiet)).rejects.toThrow('holds a base of other settings');
  });
});

it.skipIf(!python)('transformers loads each, and the built-in ones, and gives the same loss', async () => {
  const rows: [string, Row][] = [];
  for (const family of families) await make(family);
  const made = families.map((family) => join(folder, family));
  for (const path of [...made, ...builtinModels.map(builtinFolder)]) {
    const { family, architecture } = await loadBase(path);
    const row = [30, 20].map((length, n) => {
      const ids = Array.from({ length }, (_, i) => 10 + ((7 * i + n) % 90));
      if (architecture.kind === 'decoder') return causalSequence({ ids });
      const types = ids.map((_, i) => (family === 'bert' && i > 5 ? 1 : 0));
      const targets = ids.map((id, i) => (architecture.kind === 'encoder' && i % 4 ? NOTHING : id + 1));
      return { ids, types, targets, ...(architecture.kind !== 'encoder' && { source: ids.slice(3) }) };
    });
    rows.push([path, row]);
  }
  const file = join(folder, 'rows.json');
  await writeFile(file, JSON.stringify(rows));
  const { stdout } = await execa(python!, [join(import.meta.dirname, 'pretrained_loss.py'), file]);
  const theirs = JSON.parse(stdout) as { loss: number; unexpected: string[] }[];
  for (const [i, [path, row]] of rows.entries()) {
    expect(theirs[i]!.unexpected, path).toEqual([]);
    expect(await lossOf(await loadBase(path), path, row), path).toBeCloseTo(theirs[i]!.loss, 4);
  }
});

/** Computes the loss of a row with the written weights, an encoder's head included. */
async function lossOf(base: Awaited<ReturnType<typeof loadBase>>, path: string, row: Row): Promise<number> {
  const head = base.architecture.kind === 'encoder' ? maskedHead(base) : undefined;
  const file = await openSafetensors(join(path, 'model.safetensors'));
  const stored = Object.entries(head?.tensors ?? {}).map(
    ([name, spec]) => [name, { ...spec, init: () => file.read(name) }] as const,
  );
  const result = await train<Row>({
    engine: await createEngine({ name: 'onnx', threads: 1 }),
    base,
    delta: { trained: Object.fromEntries(stored), unfreezes: () => true },
    objective: pretraining(base.architecture, head),
    train: [row],
    validation: [row],
    recipe: recipeSchema.parse({ learningRate: 1e-12, maxSteps: 1, dropout: false }),
    seed: 1,
    folder: undefined,
  });
  return result.evaluations[0]!.loss;
}

it('goes on where it was stopped and ends as if it had not been', async () => {
  const controller = new AbortController();
  const out = join(folder, 'stopped');
  const stopping = pretrain(
    { ...request, family: 'roberta', out },
    {
      signal: controller.signal,
      onProgress: ({ step }) => {
        if (step === 5) controller.abort();
      },
    },
  );
  await expect(stopping).rejects.toThrow(Interrupted);
  const other = { ...request, family: 'roberta', out, seed: 1 };
  await expect(pretrain(other, quiet)).rejects.toThrow('the beginning of a base of other settings');
  const record = await pretrain({ ...request, family: 'roberta', out }, quiet);
  expect(record.resumedFrom).toBe(5);
  await make('roberta');
  const [whole, resumed] = await Promise.all(
    ['roberta', 'stopped'].map((name) => readFile(join(folder, name, 'model.safetensors'))),
  );
  expect(resumed!.equals(whole!)).toBe(true);
});

it('begins anew with one line where its checkpoint is damaged', async () => {
  const out = join(folder, 'damaged');
  const controller = new AbortController();
  const onProgress = ({ step }: { step: number }): void => {
    if (step === 5) controller.abort();
  };
  const asked = { ...request, family: 'roberta', out };
  await expect(pretrain(asked, { signal: controller.signal, onProgress })).rejects.toThrow(Interrupted);
  await writeFile(join(`${out}.work`, 'checkpoint.safetensors'), new Uint8Array(4096));
  const notes: string[] = [];
  const record = await pretrain(asked, { ...quiet, onNote: (note) => notes.push(note) });
  expect(record.resumedFrom).toBeUndefined();
  expect(notes).toEqual([expect.stringMatching(/^The checkpoint in .* is not used: .* begins anew\.$/)]);
  await make('roberta');
  const [whole, anew] = await Promise.all(
    ['roberta', 'damaged'].map((name) => readFile(join(folder, name, 'model.safetensors'))),
  );
  expect(anew!.equals(whole!)).toBe(true);
});

it('leaves the place to other settings where these cannot serve', async () => {
  const wanted = { ...request, family: 'gpt2', out: join(folder, 'refused') };
  await expect(pretrain({ ...wanted, vocabulary: 5000 }, quiet)).rejects.toThrow('The text is too small');
  const short = { ...wanted, config: `${request.config},positions=16` };
  await expect(pretrain(short, quiet)).rejects.toThrow('--length 48 is more than the 16 positions');
  await expect(pretrain({ ...short, length: 17 }, quiet)).rejects.toThrow('--length 17 is more than');
});

it("keeps its own config.json where the tokenizer's files hold another model's", async () => {
  const [tokenizer, out] = [join(folder, 'tokenizer-of-another'), join(folder, 'own-config')];
  await cp(builtinFolder('gpt2-mini'), tokenizer, { recursive: true });
  await writeFile(
    join(tokenizer, 'config.json'),
    JSON.stringify({ model_type: 'gpt2', n_layer: 7, n_embd: 999 }),
  );
  await pretrain({ ...request, family: 'gpt2', tokenizer, steps: 1, out }, quiet);
  const config = JSON.parse(await readFile(join(out, 'config.json'), 'utf8')) as Record<string, unknown>;
  expect(config).toMatchObject({ model_type: 'gpt2', n_layer: 2, n_embd: 32 });
  expect((await loadBase(out)).architecture).toMatchObject({ layers: 2, width: 32 });
});

it('is a command, which says what is wrong', async () => {
  const bench = benchInside(folder);
  await make('gpt2');
  const text = request.texts[0]!;
  const run = (...more: string[]) => bench('pretrain', '--text', text, '--out', join(folder, 'new'), ...more);
  const [made, unknown, taken] = await Promise.all([
    run(
      ...'--family gpt2 --config layers=1,width=16,heads=2 --vocabulary 300 --steps 2 --length 32 --threads 1'.split(
        ' ',
      ),
      '--terms',
      'Ours.',
    ),
    run('--family', 'gpt3'),
    bench('pretrain', '--family', 't5', '--text', text, '--out', join(folder, 'gpt2')),
  ]);
  expect(made.stdout).toContain('held-out loss');
  expect(made.exitCode).toBe(0);
  const readme = await readFile(join(folder, 'new', 'README.md'), 'utf8');
  expect(readme).toContain('Ours.');
  expect(
    (await openSafetensors(join(folder, 'new', 'model.safetensors'))).tensors.get('transformer.wte.weight')
      ?.dtype,
  ).toBe('F16');
  expect([unknown.exitCode, unknown.stderr]).toEqual([2, expect.stringContaining('Did you mean "gpt2"?')]);
  expect([taken.exitCode, taken.stderr]).toEqual([2, expect.stringContaining('other settings')]);
});
