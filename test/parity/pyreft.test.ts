// LoReFT on a tiny Llama from files that pyreft 0.0.7 saved: its losses, and its generations token for token
// (test/golden/make-pyreft.py). Prompts of 3 to 22 tokens: positions f7+l7, the sink where they are few, left
// padding in testing.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { generate } from '../../harness/decoding/generate.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { Engine } from '../../harness/engine/types.ts';
import { startFrom } from '../../harness/exchange/adapter.ts';
import { readAdapter } from '../../harness/exchange/read-adapter.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { initialize } from '../../harness/models/delta/trained-tensors.ts';
import type { Delta } from '../../harness/models/method.ts';
import { train } from '../../harness/training/loop/train.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { attachMethod } from '../exchange/reading.ts';

const folder = 'test/golden/pyreft';
const ids = z.array(z.array(z.int()));
const golden = z
  .object({
    first: z.int(),
    last: z.int(),
    learning_rate: z.number(),
    prompts: ids,
    wholes: ids,
    losses: z.array(z.number()),
    losses_with_rotation: z.array(z.number()),
    generated: ids,
    generated_final: ids,
  })
  .parse(JSON.parse(await readFile(join(folder, 'golden.json'), 'utf8')));

let base: BaseModel;
let engine: Engine;
beforeAll(async () => {
  base = await loadBase(folder);
  engine = await createEngine({ name: 'onnx', threads: 1 });
});

/** LoReFT with the tensors that pyreft saved. */
async function open(saved: string): Promise<Delta> {
  const adapter = await readAdapter(join(folder, saved), base);
  const { first, last } = golden;
  const delta = attachMethod(base, 'loreft', { ...adapter.options, first, last });
  return startFrom(base, delta, adapter, saved).delta;
}

/** Ten steps on all examples, as pyreft's trainer has them: AdamW, linear decay, clip 1. */
async function lossesOf(delta: Delta): Promise<number[]> {
  const { prompts, wholes } = golden;
  const { log } = await train({
    engine,
    base,
    delta,
    seed: 1,
    folder: undefined,
    train: prompts.map((prompt, i) => ({ prompt, target: wholes[i]!.slice(prompt.length) })),
    validation: [],
    objective: languageModel(base.architecture, 0),
    recipe: recipeSchema.parse({
      batchSize: prompts.length,
      epochs: 10,
      learningRate: golden.learning_rate,
      schedule: 'linear',
      clip: 1,
    }),
  });
  return log.map(({ loss }) => loss);
}

const largestDifference = (a: readonly number[], b: readonly number[]): number =>
  Math.max(...a.map((x, i) => Math.abs(x - b[i]!)));

test('ten losses while the rotation is kept', async () => {
  const { trained, edits, readsPrompt } = await open('start');
  const isRotation = ([name]: [string, unknown]): boolean => name.endsWith('.R');
  const entries = Object.entries(trained);
  const kept = {
    ...(edits && { edits }),
    ...(readsPrompt && { readsPrompt }),
    trained: Object.fromEntries(entries.filter((entry) => !isRotation(entry))),
    frozen: Object.fromEntries(entries.filter(isRotation)),
  };
  expect(largestDifference(await lossesOf(kept), golden.losses)).toBeLessThan(1e-4);
});

test('with the rotation trained, losses begin as there, and fall alike at twice its rate', async () => {
  // pyreft trains a product of reflections in a random basis that it does not save, by which a step moves the
  // rotation twice as far; we make the rotation orthonormal after each step.
  const { trained, ...delta } = await open('rotation-kept');
  const faster = Object.entries(trained).map(([name, spec]) => [
    name,
    name.endsWith('.R') ? { ...spec, learningRate: 2 } : spec,
  ]);
  const losses = await lossesOf({ ...delta, trained: Object.fromEntries(faster) as Delta['trained'] });
  expect(Math.abs(losses[0]! - golden.losses_with_rotation[0]!)).toBeLessThan(1e-4);
  expect(largestDifference(losses, golden.losses_with_rotation)).toBeLessThan(0.06);
});

test.each([
  ['rotation-kept', 'generated'],
  ['final', 'generated_final'],
] as const)('20 generations of %s, token for token', async (saved, expected) => {
  const delta = await open(saved);
  const values = await initialize(delta.trained, base, 0);
  const tensors = Object.fromEntries(
    Object.entries(delta.trained).map(([name, { shape }]) => [name, { shape, data: values[name]! }]),
  );
  const { tokens } = await generate({
    engine,
    base,
    delta,
    tensors,
    prompts: golden.prompts,
    maxNewTokens: 12,
    beams: 1,
    eosId: 2,
  });
  const written = tokens.map((row) => (row.includes(2) ? row.slice(0, row.indexOf(2)) : row));
  expect(written).toEqual(golden[expected]);
});
