// Runs the product's training step on golden batches; used by the parity tests.
import type { Engine } from '../../harness/engine/types.ts';
import { freezeTensors, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { planShapes } from '../../harness/training/objectives/batch-shapes.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import type { Objective } from '../../harness/training/objectives/objective.ts';
import { rates } from '../../harness/training/step/optimizer.ts';
import { packArrays, packTensors, unpackArrays } from '../../harness/training/step/parameter-packs.ts';
import { defineTraining, trainingPrograms } from '../../harness/training/step/programs.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import type { Arrays, Batch } from './decoder.ts';

/** Settings of the golden optimiser steps. */
export interface Steps {
  readonly lrs: number[];
  readonly optimizer: 'adamw' | 'sgd';
  readonly weight_decay?: number;
}

/** Trains on a golden batch; gives the loss before each step and after the last, and the final tensors. */
export function takeSteps(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  start: Arrays,
  batch: Batch,
  run: Steps,
): Promise<{ losses: number[]; final: Arrays }> {
  const objective = languageModel(base.architecture, 0);
  // A decoder's row is a prompt (labels −100), a target and padding; an encoder-decoder's labels are the
  // target.
  const apart = base.architecture.kind === 'encoder-decoder';
  const examples = batch.input_ids.map((ids, row) => {
    const length = batch.attention_mask[row]!.reduce((sum, bit) => sum + bit, 0);
    const labels = batch.labels[row]!;
    const first = labels.findIndex((id) => id !== -100);
    const pair = apart
      ? { prompt: ids.slice(0, length), target: labels.filter((id) => id !== -100) }
      : { prompt: ids.slice(0, first), target: ids.slice(first, length) };
    return objective.cut(pair, base.architecture.positions);
  });
  return takeObjectiveSteps({ engine, base, delta }, start, { objective, examples }, run);
}

/** Does what takeSteps does, with any objective and its examples. */
export async function takeObjectiveSteps<Example>(
  { engine, base, delta }: { engine: Engine; base: BaseModel; delta: Delta },
  start: Arrays,
  { objective, examples }: { objective: Objective<Example>; examples: readonly Example[] },
  run: Steps,
): Promise<{ losses: number[]; final: Arrays }> {
  const recipe = recipeSchema.parse({
    optimizer: run.optimizer,
    weightDecay: run.weight_decay,
    dropout: false,
  });
  const packs = packTensors(
    Object.entries(trainedShapes(base, delta)).map(([name, shape]) => ({
      name,
      shape,
      decays: true,
      rate: delta.trained[name]?.learningRate ?? 1,
    })),
  );
  const held = await freezeTensors(engine, base, delta, 0);
  const setup = {
    base,
    delta,
    objective,
    packs,
    recipe,
    totalSteps: run.lrs.length,
    precision: engine.precision,
  };
  const packed = packArrays(packs, start);
  const definitions = defineTraining(setup, false);
  const state = engine.state(
    Object.fromEntries(
      Object.entries(definitions.state).map(([name, { shape }]) => {
        const size = shape.reduce((product, n) => product * n, 1);
        return [name, { shape, data: packed[name.replace('trained/', '')] ?? new Float32Array(size) }];
      }),
    ),
  );
  const shape = planShapes([objective.sizesOf(examples)], engine.device)[0]!;
  const count = shape.targets;
  const inputs = objective.fill(examples, shape, 1 / count);
  const programs = trainingPrograms(engine, held, definitions);
  const losses: number[] = [];
  for (const [i, rate] of run.lrs.entries()) {
    const steering = { ...rates(recipe, packs, rate, i + 1), step: Float32Array.of(i) };
    const out = await (await programs.step(shape)).run(state, { ...inputs, ...steering });
    losses.push(out.loss![0]!);
  }
  losses.push((await (await programs.evaluate(shape)).run(state, inputs)).loss![0]!);
  const trained = Object.entries(await state.read())
    .filter(([name]) => name.startsWith('trained/'))
    .map(([name, data]) => [name.slice('trained/'.length), data] as const);
  await programs.dispose();
  const final = unpackArrays(packs, Object.fromEntries(trained));
  return { losses, final: Object.fromEntries(Object.entries(final).map(([name, { data }]) => [name, data])) };
}
