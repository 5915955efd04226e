// Tests of training classifiers and regressors, and of their answers.
import { beforeAll, describe, expect, it } from 'vitest';
import type { LabelledTokens } from '../../../harness/data/examples/task.ts';
import { createEngine } from '../../../harness/engine/create.ts';
import type { Engine } from '../../../harness/engine/types.ts';
import { makeHead, readBy, withHead } from '../../../harness/models/delta/heads.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import type { HeadName } from '../../../harness/models/head-names.ts';
import type { BaseModel } from '../../../harness/models/base-model.ts';
import { labelled } from '../../../harness/training/objectives/classification.ts';
import { recipeSchema } from '../../../harness/training/recipe.ts';
import { train } from '../../../harness/training/loop/train.ts';
import { Interrupted, type TrainingResult } from '../../../harness/training/loop/job.ts';
import full from '../../../methods/full.ts';
import lora from '../../../methods/lora.ts';
import { temporaryFolder } from '../../support/temporary.ts';
import { tinyBase } from '../../methods/tiny.ts';

let base: BaseModel;
let onnx: Engine;
let js: Engine;
beforeAll(async () => {
  base = await tinyBase('roberta');
  onnx = await createEngine({ name: 'onnx', threads: 1 });
  js = await createEngine({ name: 'js' });
});

/** Makes sequences whose second token determines the label. */
const examples = (count: number, seed: number): LabelledTokens[] =>
  Array.from({ length: count }, (_, i) => {
    const label = i % 3;
    const rest = Array.from(randomStream(seed, `example ${i}`).integers(2 + (i % 5), 8));
    const ids = [0, 10 + label, ...rest.map((id) => 14 + id), 2];
    return { ids, types: ids.map(() => 0), label };
  });

interface Case {
  readonly head: HeadName;
  /** Another base than the RoBERTa of these tests. */
  readonly base?: BaseModel;
  readonly recipe?: Record<string, unknown>;
  /** Whether labels are values instead of classes. */
  readonly values?: true;
  /** Dropout of the head and of LoRA, which replaces full fine-tuning. */
  readonly dropout?: number;
  /** Whether the evaluation with the lowest metric is chosen. */
  readonly worst?: true;
  readonly folder?: string;
  /** Step after which the run is stopped. */
  readonly stopAfter?: number;
}

function run(
  engine: Engine,
  { head, base: of = base, recipe = {}, values, dropout = 0, worst, folder, stopAfter }: Case,
): Promise<TrainingResult> {
  const stop = new AbortController();
  const made = makeHead(of, head, values ? 1 : 3, { dropout });
  const under = readBy(made, of);
  const method =
    dropout > 0 ? lora.attach(under, lora.options.parse({ rank: 4, dropout })) : full.attach(under, {});
  const settings = recipeSchema.parse({ batchSize: 6, epochs: 24, learningRate: 5e-3, ...recipe });
  return train<LabelledTokens>({
    engine,
    base: under,
    seed: 3,
    folder,
    recipe: settings,
    signal: stop.signal,
    onProgress: ({ step }) => {
      if (step === stopAfter) stop.abort();
    },
    delta: withHead(method, made),
    objective: labelled(made, !values, settings.labelSmoothing),
    train: examples(36, 1),
    validation: examples(12, 2),
    test: examples(9, 5),
    ...(!values && {
      validate: (answers) => {
        const right = answers.filter(({ example, answer }) => predicted(answer) === example.label);
        const accuracy = right.length / answers.length;
        return { metrics: { accuracy }, score: worst ? -accuracy : accuracy };
      },
    }),
  });
}
const predicted = (answer: Float32Array): number => answer.indexOf(Math.max(...answer));
const losses = ({ log }: TrainingResult): number[] => log.map(({ loss }) => loss);

describe('classes and values', () => {
  it.each(['paper', 'huggingface', 'mean'] as const)('are learnt with the head %s', async (head) => {
    const classes = await run(onnx, { head });
    expect(Math.max(...classes.evaluations.map(({ metrics }) => metrics!.accuracy!))).toBeGreaterThan(0.9);
    const { evaluations } = await run(onnx, { head, values: true });
    const squared = evaluations.map(({ loss }) => loss);
    expect(Math.min(...squared)).toBeLessThan(0.5 * squared[0]!);
  });

  it.each(['gpt2', 'llama'] as const)('are learnt by %s under a head on its last token', async (family) => {
    const decoder = await tinyBase(family);
    const classes = await run(onnx, { head: 'huggingface', base: decoder });
    expect(Math.max(...classes.evaluations.map(({ metrics }) => metrics!.accuracy!))).toBeGreaterThan(0.9);
  });

  it('are learnt by T5 under a head on the last end token of its decoder', async () => {
    const t5 = await tinyBase('t5');
    const ended = { ...t5, config: { ...t5.config, eos_token_id: 2 } };
    const classes = await run(onnx, { head: 'huggingface', base: ended });
    expect(Math.max(...classes.evaluations.map(({ metrics }) => metrics!.accuracy!))).toBeGreaterThan(0.9);
  });

  it('are read from a padding token where a text has no tokens, if the base has one', async () => {
    const decoder = await tinyBase('gpt2');
    const cutBy = (pad_token_id: number | null) =>
      labelled(makeHead({ ...decoder, config: { pad_token_id } }, 'huggingface', 2), true, 0).cut;
    const empty = { ids: [], types: [], label: 1 };
    expect(cutBy(4)(empty, 8)).toEqual({ ids: [4], types: [0], label: 1 });
    expect(() => cutBy(null)(empty, 8)).toThrow('A text is empty and has no last token');
  });

  it('have the same losses and answers on js and onnx, dropout included', async () => {
    const given = { head: 'paper', dropout: 0.2, recipe: { maxSteps: 8 } } as const;
    const [a, b] = [await run(onnx, given), await run(js, given)];
    expect(losses(a)).toBeAllclose(losses(b), { rtol: 1e-4 });
    expect(a.test!.answers).toHaveLength(9);
    a.test!.answers.forEach((answer, i) => {
      expect(answer).toBeAllclose(b.test!.answers[i]!, { atol: 1e-4 });
    });
  });

  it('have one gradient however a step is cut, with smoothed labels too', async () => {
    const of = async (recipe: object): Promise<number[]> =>
      losses(await run(onnx, { head: 'mean', recipe: { maxSteps: 6, ...recipe } }));
    const whole = await of({ labelSmoothing: 0.1 });
    expect(await of({ labelSmoothing: 0.1, microBatch: 2 })).toBeAllclose(whole, { rtol: 1e-5 });
    expect(await of({})).not.toBeAllclose(whole, { rtol: 1e-3 });
  });

  it('choose the evaluation whose metric is best, and answer the test there, in order', async () => {
    const best = await run(onnx, { head: 'mean' });
    const scores = best.evaluations.map(({ metrics }) => metrics!.accuracy!);
    expect(best.bestStep).toBe(best.evaluations[scores.indexOf(Math.max(...scores))]!.step);
    const worst = await run(onnx, { head: 'mean', worst: true });
    expect(worst.bestStep).toBe(worst.evaluations[scores.indexOf(Math.min(...scores))]!.step);
    const right = ({ test }: TrainingResult): number =>
      test!.answers.filter((answer, i) => predicted(answer) === i % 3).length;
    expect(right(best)).toBeGreaterThan(right(worst));
    expect(right(best)).toBeGreaterThan(5);
  });

  it('end as if they had never stopped', async () => {
    const given = { head: 'paper', dropout: 0.2, recipe: { epochs: 3 } } as const;
    const whole = await run(onnx, given);
    const folder = await temporaryFolder();
    // The run stops in the third epoch, after two evaluations.
    await expect(run(onnx, { ...given, folder, stopAfter: 14 })).rejects.toThrow(Interrupted);
    const resumed = await run(onnx, { ...given, folder });
    expect(resumed.resumedFrom).toBe(14);
    expect(losses(resumed)).toEqual(losses(whole));
    const metrics = ({ evaluations }: TrainingResult) => evaluations.map((e) => e.metrics);
    expect(metrics(resumed)).toEqual(metrics(whole));
    expect(resumed.bestStep).toBe(whole.bestStep);
    expect(resumed.test!.answers).toEqual(whole.test!.answers);
  });
});
