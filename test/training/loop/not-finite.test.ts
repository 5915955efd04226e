// Tests that a number that is not finite, or a mean over nothing, ends a run and never becomes a result.
import { beforeAll, describe, expect, it } from 'vitest';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import type { LabelledTokens } from '../../../harness/data/examples/task.ts';
import { loadBase } from '../../../harness/models/bases/load-base.ts';
import { makeHead, withHead } from '../../../harness/models/delta/heads.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { labelled } from '../../../harness/training/objectives/classification.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import type { TrainingResult, Validated } from '../../../harness/training/loop/job.ts';
import full from '../../../methods/full.ts';
import red from '../../../methods/red.ts';

let engine: Engine;
let decoder: BaseModel;
let encoder: BaseModel;
beforeAll(async () => {
  engine = await createEngine({ name: 'onnx', threads: 1 });
  decoder = await loadBase('random-gpt2~layers=1,width=16,heads=2,vocab=20,positions=16');
  encoder = await loadBase('random-roberta~layers=1,width=16,heads=2,vocab=20,positions=32');
});

const recipe = (more: object = {}) =>
  recipeSchema.parse({ batchSize: 2, epochs: 2, learningRate: 1e-3, dropout: false, ...more });
const whole = { seed: 7, folder: undefined };

/**
 * Gives a base with one value of one token's embedding replaced; training names it where the base is frozen.
 */
function withBroken(base: BaseModel, table: string, token: number, value: number): BaseModel {
  const tensor = async (name: string): Promise<Float32Array> => {
    const data = (await base.tensor(name)).slice();
    if (name === table) data[token * 16 + 3] = value;
    return data;
  };
  return { ...base, tensor, location: () => undefined };
}

const pairs = [
  { prompt: [1, 2], target: [3, 4] },
  { prompt: [5, 6], target: [7, 8] },
];

describe('a model that writes', () => {
  const run = (base: BaseModel, more: object): Promise<TrainingResult> =>
    train({
      ...whole,
      engine,
      base,
      delta: red.attach(base, red.options.parse({})),
      recipe: recipe(),
      objective: languageModel(base.architecture, 0),
      train: pairs,
      validation: pairs,
      ...more,
    });

  it.each([NaN, Infinity])('fails where its embedding of any word is %f', async (value) => {
    // The head is the embedding table, so words that occur nowhere have logits too.
    for (const token of [0, 11, 19]) {
      const broken = withBroken(decoder, 'transformer.wte.weight', token, value);
      const { diverged } = await run(broken, { delta: full.attach(broken, full.options.parse({})) });
      expect(diverged).toMatch(/^the loss is NaN at step 1 of 2$/);
    }
  });

  it('fails where the loss of the validation set is not finite', async () => {
    const broken = withBroken(decoder, 'transformer.wpe.weight', 2, NaN);
    // Training reads two positions of each example, so it does not reach the broken one.
    const delta = full.attach(broken, full.options.parse({}));
    const { diverged } = await run(broken, {
      delta,
      train: [{ prompt: [1], target: [3] }],
      validation: pairs,
    });
    expect(diverged).toBe('the loss on the validation set is NaN at step 1 of 2');
  });

  it('refuses a step, and an evaluation, without a target', async () => {
    // The prompt fills all positions, which leaves none for the target.
    const full = [{ prompt: Array<number>(20).fill(1), target: [2, 3] }];
    await expect(run(decoder, { train: full })).rejects.toThrow(
      'none of the 1 examples of step 1 has a target: ' +
        'their answers are empty, or their prompts fill all positions of the base',
    );
    const late = [...pairs, ...full];
    await expect(run(decoder, { train: late, recipe: recipe({ batchSize: 1, epochs: 1 }) })).rejects.toThrow(
      /^none of the 1 examples of step \d has a target/,
    );
    // Beside examples with targets it contributes nothing to the count.
    expect((await run(decoder, { train: late, recipe: recipe({ batchSize: 3 }) })).diverged).toBeUndefined();
    await expect(run(decoder, { validation: full })).rejects.toThrow(
      'an evaluation needs at least one target, got none',
    );
  });

  it('takes the checkpoint of the first score that is a number', async () => {
    const scores = [NaN, 0.1, NaN, 0.3];
    const validate = (): Validated => ({ metrics: {}, score: scores.shift()! });
    const { bestStep } = await run(decoder, { recipe: recipe({ epochs: 4 }), validate });
    expect(bestStep).toBe(4);
    scores.push(0.1, NaN, 0.05, NaN);
    expect((await run(decoder, { recipe: recipe({ epochs: 4 }), validate })).bestStep).toBe(1);
  });
});

describe('a classifier', () => {
  const example = (id: number): LabelledTokens => ({ ids: [1, id, 2], types: [0, 0, 0], label: id % 2 });
  const run = (broken: BaseModel, more: object): Promise<TrainingResult> => {
    const head = makeHead(broken, 'paper', 2);
    const delta = withHead(full.attach(broken, full.options.parse({})), head);
    const sets = {
      train: [example(4), example(5)],
      validation: [example(6), example(7)],
      test: [example(8)],
    };
    return train<LabelledTokens>({
      ...whole,
      engine,
      base: broken,
      delta,
      recipe: recipe(),
      objective: labelled(head, true, 0),
      ...sets,
      ...more,
    });
  };
  const table = 'roberta.embeddings.word_embeddings.weight';

  it.each([
    [7, "the model's outputs on the validation set are not finite at step 1 of 2"],
    [5, 'the loss is NaN at step 1 of 2'],
  ])('fails where it meets a word that is not finite, %i', async (word, expected) => {
    const { diverged, test } = await run(withBroken(encoder, table, word, NaN), {});
    expect([diverged, test]).toEqual([expected, undefined]);
  });

  it('answers nothing where nothing is asked', async () => {
    expect((await run(encoder, { test: [] })).test?.answers).toEqual([]);
  });
});
