/**
 * deltabench's side of the speed benchmark, with torch_step.py's options and its `--serve` protocol. It runs
 * the product's own training programs, or their matrix products alone (`--only-products`). It is ready after
 * two steps, and then takes n steps for each number n on standard input.
 */
import { readFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { sum } from 'simple-statistics';
import type { LabelledTokens, TokenPair } from '../../harness/data/examples/task.ts';
import { createEngine } from '../../harness/engine/create.ts';
import type { EngineName, Precision } from '../../harness/engine/types.ts';
import { labelled } from '../../harness/training/objectives/classification.ts';
import type { Objective } from '../../harness/training/objectives/objective.ts';
import { makeHead, withHead } from '../../harness/models/delta/heads.ts';
import type { Delta } from '../../harness/models/method.ts';
import { freezeTensors, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { parseBaseWeights } from '../../harness/models/bases/base-weights.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { loadMethods } from '../../harness/runs/plan/load-plugins.ts';
import {
  cutMicroBatches,
  fittingShape,
  planShapes,
  shapeKey,
} from '../../harness/training/objectives/batch-shapes.ts';
import { languageModel } from '../../harness/training/objectives/language-model.ts';
import { rates } from '../../harness/training/step/optimizer.ts';
import { packTensors } from '../../harness/training/step/parameter-packs.ts';
import { defineTraining } from '../../harness/training/step/programs.ts';
import { recipeSchema } from '../../harness/training/recipe.ts';
import { replicasFor } from '../../harness/training/loop/choose-replicas.ts';
import { SoloRunner } from '../../harness/training/loop/step-runner.ts';
import { startState } from '../../harness/training/loop/run-tensors.ts';
import { takeStep } from '../../harness/training/loop/take-step.ts';
import { onlyProducts } from './products.ts';
import { serve } from './serve.ts';

const imports = performance.now();

const { values } = parseArgs({
  options: {
    model: { type: 'string', default: 'gpt2' },
    layers: { type: 'string', default: '12' },
    width: { type: 'string', default: '768' },
    heads: { type: 'string', default: '12' },
    vocab: { type: 'string', default: '50257' },
    method: { type: 'string', default: 'red' },
    batch: { type: 'string', default: '8' },
    length: { type: 'string', default: '128' },
    lengths: { type: 'string' },
    targets: { type: 'string', default: '1' },
    threads: { type: 'string' },
    engine: { type: 'string', default: 'onnx' },
    device: { type: 'string', default: 'cpu' },
    checkpoint: { type: 'string' },
    'base-weights': { type: 'string', default: 'float32' },
    precision: { type: 'string', default: 'float32' },
    recompute: { type: 'boolean', default: false },
    'only-products': { type: 'boolean', default: false },
  },
});
const [batch, vocab, share] = [Number(values.batch), Number(values.vocab), Number(values.targets)];

const base = await loadBase(
  values.checkpoint ??
    `random-${values.model}~layers=${values.layers},width=${values.width},heads=${values.heads},vocab=${values.vocab}`,
  { baseWeights: parseBaseWeights(values['base-weights']) },
);
const method = (await loadMethods()).get(values.method);
if (!method) throw new Error(`there is no method ${values.method}`);
// There is no dropout, as on PyTorch's side.
const attached = method.attach(
  base,
  method.options.parse('dropout' in method.options.shape ? { dropout: 0 } : {}),
);
const chosen = await createEngine({
  name: values.engine as EngineName,
  device: values.device,
  recompute: values.recompute,
  precision: values.precision as Precision,
  ...(values.threads && { threads: Number(values.threads) }),
});
const limit = values['only-products'] ? onlyProducts(chosen) : undefined;
const engine = limit ?? chosen;

const lengths = values.lengths
  ? (JSON.parse(await readFile(values.lengths, 'utf8')) as number[])
  : new Array<number>(batch * 12).fill(Number(values.length));
const random = (): number => 2 + Math.floor(Math.random() * (vocab - 2));
const words = lengths.map((length) => Array.from({ length }, random));
if (base.architecture.kind === 'encoder') {
  const head = makeHead(base, 'huggingface', 2);
  const examples = words.map((ids): LabelledTokens => ({ ids, types: ids.map(() => 0), label: ids[0]! % 2 }));
  await run(withHead(attached, head), labelled(head, true, 0), examples);
} else {
  const examples = words.map((ids): TokenPair => {
    const prompt = ids.length - Math.min(ids.length - 1, Math.max(1, Math.round(ids.length * share)));
    return { prompt: ids.slice(0, prompt), target: ids.slice(prompt) };
  });
  await run(attached, languageModel(base.architecture, 0), examples);
}

/** Compiles the steps, takes at least two of them, then serves. */
async function run<Example>(
  delta: Delta,
  objective: Objective<Example>,
  examples: readonly Example[],
): Promise<void> {
  const recipe = recipeSchema.parse({ learningRate: 1e-3, weightDecay: 0.01 });
  const totalSteps = 1000;
  const packs = packTensors(
    Object.entries(trainedShapes(base, delta)).map(([name, shape]) => ({
      name,
      shape,
      decays: true,
      rate: 1,
    })),
  );
  const tokens = (batch * sum(lengths)) / lengths.length;
  const replicas = replicasFor(engine, base, packs, tokens, totalSteps);
  const steps = Array.from({ length: Math.floor(examples.length / batch) }, (_, i) =>
    cutMicroBatches(objective, examples.slice(i * batch, (i + 1) * batch), undefined, replicas),
  );
  const shapes = planShapes(steps.flat().map(objective.sizesOf), values.device);
  const accumulating = steps.some((parts) => parts.length > 1);
  const frozen = await freezeTensors(engine, base, delta, 0);
  const definitions = defineTraining(
    { base, delta, objective, packs, recipe, totalSteps, precision: engine.precision },
    accumulating,
  );
  const state = await startState(engine, definitions.state, { base, delta, seed: 0 }, packs);
  const stepping = new SoloRunner(
    engine,
    frozen,
    definitions,
    objective,
    shapes,
    accumulating && replicas > 1,
  );

  let taken = 0;
  let next = 0;
  async function step(): Promise<{ milliseconds: number; tokens: number }> {
    const parts = steps[next++ % steps.length]!;
    const { milliseconds } = await takeStep(stepping, objective, state, parts, {
      rates: rates(recipe, packs, 1e-3, ++taken),
      step: taken,
      seed: 0,
      dropout: false,
    });
    return { milliseconds, tokens: sum(parts.flat().map(objective.lengthOf)) };
  }
  const loaded = performance.now();
  const { milliseconds } = await step();
  const compile = performance.now() - loaded - milliseconds;
  // Every program runs once, so that no timed step compiles.
  const compiled = new Set<string>();
  for (const [i, parts] of steps.entries()) {
    const programs = parts.map((part, place) => {
      const shape = fittingShape(objective.sizesOf(part), shapes);
      return `${place % replicas}: ${shapeKey(shape)}`;
    });
    next = i;
    if (i === 0 || programs.some((program) => !compiled.has(program))) await step();
    for (const program of programs) compiled.add(program);
  }
  // Both sides begin with the first batch once they are ready.
  next = 0;

  await serve(
    async (n) => {
      const before = limit?.flops();
      const done: Awaited<ReturnType<typeof step>>[] = [];
      for (let i = 0; i < n; i++) done.push(await step());
      return {
        times: done.map((each) => each.milliseconds),
        tokens: done.reduce((sum, { tokens }) => sum + tokens, 0),
        ...(limit && { flops: limit.flops() - before! }),
      };
    },
    { phases: { imports, base: loaded - imports, compile, step: milliseconds } },
  );
}
