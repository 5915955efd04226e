// Compares runs that are trained together with the same runs trained alone.
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { LabelledTokens, TokenPair } from '../../../harness/data/examples/task.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine, RandomInput } from '../../../harness/engine/types.ts';
import { makeHead, withHead } from '../../../harness/models/delta/heads.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { Delta } from '../../../harness/models/method.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { loadMethods } from '../../../harness/runs/plan/load-plugins.ts';
import { labelled } from '../../../harness/training/objectives/classification.ts';
import { languageModel } from '../../../harness/training/objectives/language-model.ts';
import type { Objective } from '../../../harness/training/objectives/objective.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { placeMask } from '../../../harness/training/loop/place-mask.ts';
import { refusesTogether, trainTogether } from '../../../harness/training/loop/train-together.ts';
import { train } from '../../../harness/training/loop/train.ts';
import type { TrainingJob, TrainingResult } from '../../../harness/training/loop/job.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { testEngine } from '../../engines.ts';
import { tinyBase, tinyBases } from '../../methods/tiny.ts';
import { sizeOf } from '../../../harness/support/numbers/arithmetic.ts';
import { fitting } from '../../methods/fitting.ts';

const methods = await loadMethods();
const seeds = [3, 4, 5];
let engine: Engine;
const bases = new Map<string, BaseModel>();
beforeAll(async () => {
  engine = await testEngine('onnx');
  for (const family of Object.keys(tinyBases) as (keyof typeof tinyBases)[])
    bases.set(family, await tinyBase(family));
});

/** A method on a base, with every dropout that it has. */
function attach(base: BaseModel, name: string, more: object = {}): Delta {
  const method = methods.get(name)!;
  const { shape } = method.options;
  const added = {
    ...('dropout' in shape && { dropout: 0.2 }),
    ...('virtualTokens' in shape && { virtualTokens: 3 }),
  };
  return method.attach(base, method.options.parse({ ...added, ...fitting[name], ...more }));
}

const pairs = (count: number, seed: number): TokenPair[] =>
  Array.from({ length: count }, (_, i) => {
    const ids = Array.from(randomStream(seed, `example ${i}`).integers(18, 24));
    return { prompt: ids.slice(0, 3 + (i % 4)), target: ids.slice(7, 9 + (i % 5)) };
  });
/** Makes sequences whose second token determines the label. */
const classes = (count: number, seed: number): LabelledTokens[] =>
  Array.from({ length: count }, (_, i) => {
    const rest = Array.from(randomStream(seed, `example ${i}`).integers(2 + (i % 7), 8));
    const ids = [0, 10 + (i % 3), ...rest.map((id) => 14 + id), 2];
    return { ids, types: ids.map(() => 0), label: i % 3 };
  });

interface Case {
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly recipe?: Record<string, unknown>;
  readonly seeds?: readonly number[];
  /** Numbers of training, validation and test examples; 22, 7 and 5 by default. */
  readonly sizes?: readonly [number, number, number];
  /** The engine; the CPU's by default. */
  readonly engine?: Engine;
}
type More = Partial<Pick<TrainingJob<never>, 'folder' | 'signal' | 'onProgress' | 'companion'>>;

function run(
  { base, delta, recipe, sizes = [22, 7, 5], engine: other = engine }: Case,
  seed: number,
  more: More = {},
): Promise<TrainingResult> {
  const settings = recipeSchema.parse({ batchSize: 5, epochs: 20, learningRate: 1e-2, ...recipe });
  const common = { engine: other, base, seed, folder: undefined, recipe: settings, ...more };
  const of = <Example>(objective: Objective<Example>, make: typeof pairs | typeof classes, delta: Delta) =>
    train({
      ...common,
      objective: objective as Objective<unknown>,
      delta,
      // Validation sets differ by seed, as GLUE's do.
      train: make(sizes[0], 1),
      validation: make(sizes[1], seed),
      test: make(sizes[2], 9),
    });
  if (base.architecture.kind !== 'encoder') return of(languageModel(base.architecture, 0.1), pairs, delta);
  const head = makeHead(base, 'paper', 3, { dropout: 0.3 });
  return of(labelled(head, true, 0), classes, withHead(delta, head));
}

/** Trains the seeds one after the other. */
async function alone(case_: Case): Promise<TrainingResult[]> {
  const results: TrainingResult[] = [];
  for (const seed of case_.seeds ?? seeds) results.push(await run(case_, seed));
  return results;
}

/** Trains the seeds as one group, which each seed leaves when it is done. */
async function together(case_: Case, more: (seed: number) => More = () => ({})) {
  const all = case_.seeds ?? seeds;
  const companions = trainTogether(all.length);
  return Promise.allSettled(
    all.map((seed, i) => {
      const companion = companions[i]!;
      return run(case_, seed, { companion, ...more(seed) }).finally(() => companion.leave());
    }),
  );
}
function valuesOf(settled: readonly PromiseSettledResult<TrainingResult>[]): TrainingResult[] {
  return settled.map((each) => {
    if (each.status === 'rejected') throw each.reason as Error;
    return each.value;
  });
}

const losses = ({ log }: TrainingResult): number[] => log.map(({ loss }) => loss);
const norms = ({ log }: TrainingResult): number[] => log.map(({ gradientNorm }) => gradientNorm);
const largest = (all: Float32Array): number => all.reduce((most, x) => Math.max(most, Math.abs(x)), 0);

function expectSame(
  all: readonly TrainingResult[],
  expected: readonly TrainingResult[],
  count = all.length,
): void {
  all.forEach((result, i) => {
    const single = expected[i]!;
    expect(result.together).toBe(count);
    expect(losses(result)).toBeAllclose(losses(single), { rtol: 1e-5 });
    expect(norms(result)).toBeAllclose(norms(single), { rtol: 1e-4 });
    expect(result.log.map(({ tokens }) => tokens)).toEqual(single.log.map(({ tokens }) => tokens));
    expect(result.bestStep).toBe(single.bestStep);
    expect(result.evaluations.map(({ loss }) => loss)).toBeAllclose(
      single.evaluations.map(({ loss }) => loss),
      { rtol: 1e-5 },
    );
    for (const [name, { data }] of Object.entries(single.tensors)) {
      expect(result.tensors[name]!.data, name).toBeAllclose(data, {
        atol: 1e-5 * Math.max(largest(data), 1e-2),
      });
    }
    // A language model's examples have no answers.
    const answers = ({ test }: TrainingResult): number[] =>
      (test!.answers as (Float32Array | undefined)[]).flatMap((answer) => [...(answer ?? [])]);
    expect(answers(result)).toBeAllclose(answers(single), { atol: 1e-5 });
  });
}

describe('every method', () => {
  const names = [...methods.keys()].filter((name) => name !== 'none' && !methods.get(name)!.answers);
  // One decoder and one encoder cover all methods; other families stack methods at the same sites in the same
  // way.
  const kinds = ['red', 'lora', 'adapter', 'prefix', 'prompt', 'loreft', 'full'];
  const cases = [
    ...(['gpt2', 'roberta'] as const).flatMap((family) => names.map((name) => [family, name] as const)),
    ...(['llama', 't5'] as const).flatMap((family) => kinds.map((name) => [family, name] as const)),
  ];
  it.each(cases)('%s: %s has the numbers of each seed by itself, or is refused', async (family, name) => {
    const base = bases.get(family)!;
    const case_: Case = {
      base,
      delta: attach(base, name),
      seeds: [3, 4],
      sizes: [10, 2, 0],
      // SGD, because Adam amplifies the rounding noise in the gradient of key biases.
      recipe: { optimizer: 'sgd', clip: 1, maxSteps: 3 },
    };
    if (name === 'full' || name === 'ft-top2' || case_.delta.edited?.size) {
      expect(refusesTogether(base, case_.delta)).toMatch(/trains \d+ of the base's own matrices/);
      return;
    }
    expect(refusesTogether(base, case_.delta)).toBeUndefined();
    expectSame(valuesOf(await together(case_)), await alone(case_));
  });
});

describe('three seeds that are trained together', () => {
  const cases = (['gpt2', 'roberta'] as const).flatMap((family) =>
    ['red', 'lora', 'prompt'].map((name) => [family, name] as const),
  );
  it.each(cases)('%s: %s has the losses, tensors and answers of each by itself', async (family, name) => {
    const base = bases.get(family)!;
    // Evaluations come between the steps of an epoch, and the last batch of an epoch is short.
    const case_ = { base, delta: attach(base, name), recipe: { maxSteps: 12, evaluateEvery: 3, clip: 1 } };
    expectSame(valuesOf(await together(case_)), await alone(case_));
    // Seeds differ in their number of micro-batches.
    const cut = { ...case_, recipe: { ...case_.recipe, maxSteps: 6, batchSize: 7, microBatch: 3 } };
    expectSame(valuesOf(await together(cut)), await alone(cut));
  });

  it('rounds what it multiplies in half precision as each by itself does', async () => {
    const base = bases.get('gpt2')!;
    const half = await createEngine({ name: 'onnx', threads: 1, precision: 'bfloat16' });
    const case_ = { base, delta: attach(base, 'red'), recipe: { maxSteps: 4 }, engine: half };
    const [all, expected] = [valuesOf(await together(case_)), await alone(case_)];
    const whole = await alone({ ...case_, engine });
    all.forEach((result, i) => {
      expect(losses(result)).toBeAllclose(losses(expected[i]!), { rtol: 1e-4 });
      expect(losses(result)).not.toBeAllclose(losses(whole[i]!), { rtol: 1e-6 });
    });
  });

  it('goes on with the others where one diverges, stops early or throws', async () => {
    const base = bases.get('gpt2')!;
    const case_ = { base, delta: attach(base, 'red'), recipe: { maxSteps: 8, evaluateEvery: 4 } };
    const expected = await alone(case_);
    const infinite = (size: number): Float32Array => new Float32Array(size).fill(Infinity);
    const broken: Delta = {
      ...case_.delta,
      trained: Object.fromEntries(
        Object.entries(case_.delta.trained).map(([name, spec]) => [
          name,
          { ...spec, init: () => infinite(spec.shape[0]!) },
        ]),
      ),
    };
    const companions = trainTogether(seeds.length);
    const diverging = await Promise.all(
      seeds.map((seed, i) =>
        run(i === 1 ? { ...case_, delta: broken } : case_, seed, { companion: companions[i]! }).finally(() =>
          companions[i]!.leave(),
        ),
      ),
    );
    expect(diverging[1]!.diverged).toMatch(/^the loss is NaN at step 1 of 8/);
    expectSame([diverging[0]!, diverging[2]!], [expected[0]!, expected[2]!], 3);

    const thrown = await together(case_, (seed) => ({
      onProgress({ step }) {
        if (seed === 3 && step === 3) throw new Error('the disk is full');
      },
    }));
    expect(thrown[0]).toMatchObject({ status: 'rejected', reason: { message: 'the disk is full' } });
    expectSame(valuesOf(thrown.slice(1)), expected.slice(1), 3);
  });

  it('stops when told to and ends as if it had not, bit for bit', async () => {
    const base = bases.get('gpt2')!;
    const case_ = { base, delta: attach(base, 'lora'), recipe: { maxSteps: 9, evaluateEvery: 3 } };
    const whole = valuesOf(await together(case_));
    const folder = await temporaryFolder();
    const stop = new AbortController();
    const halted = await together(case_, (seed) => ({
      folder: join(folder, String(seed)),
      signal: stop.signal,
      onProgress({ step }) {
        if (step === 5) stop.abort();
      },
    }));
    for (const each of halted) expect(each).toMatchObject({ reason: { name: 'Interrupted' } });
    const again = valuesOf(await together(case_, (seed) => ({ folder: join(folder, String(seed)) })));
    again.forEach((result, i) => {
      expect(result.resumedFrom).toBe(5);
      expect(losses(result)).toEqual(losses(whole[i]!));
      expect(result.tensors).toEqual(whole[i]!.tensors);
    });
  });

  it('is what one run by itself computes where the others never begin', async () => {
    const base = bases.get('gpt2')!;
    const case_ = { base, delta: attach(base, 'red'), recipe: { maxSteps: 2 } };
    const companions = trainTogether(2);
    await companions[1]!.leave();
    const result = await run(case_, 3, { companion: companions[0]! });
    expect(result.together).toBeUndefined();
    expect(losses(result)).toEqual(losses(await run(case_, 3)));
  });
});

describe('placeMask', () => {
  it('puts the rows behind the tokens behind them, and keeps what has no token', () => {
    type Placed = Pick<RandomInput, 'shape' | 'tail'>;
    const mask = Float32Array.of(1, 2, 3, 4, 5, 6);
    const placed = (from: Placed, to: Placed): number[] => {
      const out = new Float32Array(sizeOf(to.shape)).fill(7);
      placeMask(mask, from, out, to);
      return [...out];
    };
    const from = { shape: [3, 2], tail: 1 };
    expect(placed(from, { shape: [4, 2], tail: 1 })).toEqual([1, 2, 3, 4, 1, 1, 5, 6]);
    expect(placed(from, { shape: [2, 2], tail: 1 })).toEqual([1, 2, 5, 6]);
    const square = { shape: [1, 1, 2, 3], tail: 0 };
    expect(placed(square, { shape: [1, 1, 3, 2], tail: 0 })).toEqual([1, 2, 4, 5, 1, 1]);
  });
});
