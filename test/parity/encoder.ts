// Parity tests of encoders with a classification head, for bert.test.ts and roberta.test.ts.
// test/golden/parity/README.md names the versions that made the golden numbers.
import { beforeAll, describe, expect, it } from 'vitest';
import type { LabelledTokens } from '../../harness/data/examples/task.ts';
import { testEngine } from '../engines.ts';
import type { Engine, EngineName } from '../../harness/engine/types.ts';
import { freezeTensors, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import { makeHead, readBy, withHead, type Head } from '../../harness/models/delta/heads.ts';
import { runEncoder, type ModelUse } from '../../harness/models/delta/forward.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { labelled } from '../../harness/training/objectives/classification.ts';
import type { BatchShape } from '../../harness/training/objectives/objective.ts';
import { packingOf } from '../../harness/training/objectives/pack-sequences.ts';
import { takeObjectiveSteps } from './adamw.ts';
import { cases } from './cases.ts';
import { moreCases } from './cases-more.ts';
import { sizeOfGradient } from './cases-weights.ts';
import { forwardAndGradients, pick, stateOf, typesOf } from './state.ts';
import type { Arrays } from './decoder.ts';
import { hasParity, folderOf, readGolden, readTensors } from './folder.ts';

/** A batch in transformers' form. */
interface Batch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly token_type_ids?: number[][];
  readonly labels: number[];
}
interface Forward {
  readonly cases: Record<
    string,
    { batch: Batch; loss: number; regression: { labels: number[]; logits: number[]; mse: number } }
  >;
}
interface Golden {
  readonly batch: Batch;
  readonly loss_state: number;
  readonly trainable: { name: string; shape: number[] }[];
  readonly adamw?: { lrs: number[]; losses: number[]; loss_final: number; weight_decay: number };
  /** Present in ReFT's goldens only. */
  readonly sgd?: { lr: number; losses: number[]; loss_final: number };
}

/** Results of an encoder and its head on a batch. */
export interface Classified {
  readonly loss: number;
  readonly answers: Float32Array;
  readonly gradients: Arrays;
  /** Hidden states of real tokens [N, d], where they are asked for. */
  readonly hidden?: Float32Array;
}

/** Strips the padding of a batch. */
export function examplesOf(batch: Batch, labels = batch.labels): LabelledTokens[] {
  return batch.input_ids.map((ids, row) => {
    const real = (list: readonly number[]): number[] => list.filter((_, i) => batch.attention_mask[row]![i]);
    return {
      ids: real(ids),
      types: real(batch.token_type_ids?.[row] ?? ids.map(() => 0)),
      label: labels[row]!,
    };
  });
}

interface Run {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly head: Head;
  /** False where no gradients are asked for. */
  readonly differentiated?: boolean;
  /** True where hidden states are asked for, which take a forward pass of their own. */
  readonly states?: boolean;
}

/** Computes loss, answers, gradients and hidden states; the padded shape may exceed the examples. */
export async function computeEncoder(
  { engine, base, delta, head, differentiated = true, states = false }: Run,
  tensors: Arrays,
  examples: readonly LabelledTokens[],
  classes: boolean,
  room: Partial<BatchShape> = {},
): Promise<Classified> {
  const objective = labelled(head, classes, 0);
  const held = await freezeTensors(engine, base, delta, 0);
  const names = differentiated ? Object.keys(trainedShapes(base, delta)) : [];
  const values = await stateOf(base, delta, tensors);
  const state = engine.state(values);
  const size = { ...objective.sizesOf(examples), ...room };
  const program = await engine.compile(
    {
      name: 'parity',
      frozen: held,
      state: typesOf(values),
      inputs: objective.types(size),
    },
    (x) => {
      const use: ModelUse = { base, delta, tensors: x.state, training: true, dropout: false, totalSteps: 1 };
      const batch = { batch: size.rows, length: size.length, bias: x.inputs.bias!, packing: packingOf(x) };
      const { computed, gradients } = forwardAndGradients(
        () => {
          const { loss, answers } = objective.loss(x, use, size);
          return { loss, answers: answers! };
        },
        pick(x.state, names),
      );
      return {
        outputs: {
          ...computed,
          ...(states && { hidden: runEncoder(x, use, batch).hidden }),
          ...Object.fromEntries(Object.entries(gradients).map(([name, g]) => [`gradient ${name}`, g])),
        },
      };
    },
  );
  const out = await program.run(state, objective.fill(examples, size, 1 / examples.length));
  await program.dispose();
  const tokens = examples.reduce((sum, { ids }) => sum + ids.length, 0);
  return {
    loss: out.loss![0]!,
    answers: (out.answers as Float32Array).slice(0, examples.length * head.outputs),
    ...(states && { hidden: (out.hidden as Float32Array).slice(0, tokens * base.architecture.width) }),
    gradients: Object.fromEntries(names.map((name) => [name, out[`gradient ${name}`] as Float32Array])),
  };
}

const engines: EngineName[] = ['onnx', 'js', 'tensorflow'];
/** True for key biases: softmax cancels them, so their true gradient is 0 (see the goldens' README). */
const isKeyBias = (name: string): boolean => /\.key(\.red)?\.bias(\.(diff|gate|group))?$/.test(name);
/** Goldens name a sublayer's adapter after its last linear. */
const lastLinear = { attention: 'output.dense', output: 'dense' };

/** Whether a golden's gradient of a tensor is rounding noise: softmax cancels what is equal for all keys. */
type IsNoise = (name: string) => boolean;

/** Defines the tests of an encoder with Hugging Face's head and of every method on it, on every engine. */
export function describeEncoder(model: string, isNoise: IsNoise = isKeyBias): void {
  const goldens = [...cases(model, lastLinear), ...moreCases(model)].filter(({ golden }) =>
    hasParity(`methods/${model}/${golden}.json`),
  );
  describe.skipIf(!hasParity(model, 'config.json'))(model, () => {
    describe.each(engines)('%s', (name) => {
      let engine: Engine | undefined;
      let base: BaseModel;
      let head: Head;
      let stored: Arrays;
      beforeAll(async () => {
        engine = await testEngine(name).catch((error: unknown) => {
          if (name === 'tensorflow') return undefined;
          throw error;
        });
        const bare = await loadBase(folderOf(model));
        head = makeHead(bare, 'huggingface', 3);
        base = readBy(head, bare);
        stored = await readTensors(model, 'model.safetensors');
      });
      /** Puts the head's tensors beside the method's, trained or, as in ReFT's goldens, fixed. */
      const attach = (delta: Delta, trained: boolean): Delta => {
        if (trained) return withHead(delta, head);
        const fixed = Object.entries(head.tensors).map(
          ([key, spec]) => [key, { ...spec, init: () => stored[key]! }] as const,
        );
        return { ...delta, frozen: { ...delta.frozen, ...Object.fromEntries(fixed) } };
      };

      it('computes the states, the logits and the losses of transformers', async ({ skip }) => {
        if (!engine) return skip(`${name} is not installed`);
        const golden = readGolden<Forward>(model, 'forward.json');
        const tensors = await readTensors(model, 'forward.safetensors');
        const values = await readTensors(model, 'head-regression.safetensors');
        for (const [key, { batch, loss, regression }] of Object.entries(golden.cases)) {
          const mask = batch.attention_mask.flat();
          const run = { engine, base, delta: withHead({ trained: {} }, head), head, states: true };
          const ours = await computeEncoder(run, stored, examplesOf(batch), true);
          expect(ours.loss / loss).toBeCloseTo(1, 5.4);
          expect(ours.answers).toBeAllclose(tensors[`${key}.logits`]!, { atol: 1e-5 });
          const states = tensors[`${key}.last_hidden_state`]!;
          const width = states.length / mask.length;
          const real = states.filter((_, i) => mask[Math.floor(i / width)]);
          expect(ours.hidden!).toBeAllclose(real, { atol: 1e-5 });

          const one = makeHead(base, 'huggingface', 1);
          const asValue = { engine, base, delta: withHead({ trained: {} }, one), head: one };
          const value = await computeEncoder(asValue, values, examplesOf(batch, regression.labels), false);
          expect(value.loss / regression.mse).toBeCloseTo(1, 5.4);
          expect(value.answers).toBeAllclose(regression.logits, { atol: 1e-5 });
        }
      });

      describe.each(goldens)('$golden', ({ golden: method, attach: attachTo, rename }) => {
        const prepare = async (): Promise<{
          golden: Golden;
          tensors: Arrays;
          delta: Delta;
          state: Arrays;
          named: (ours: string) => string;
        }> => {
          const golden = readGolden<Golden>(`methods/${model}/${method}.json`);
          const tensors = await readTensors(`methods/${model}/${method}.safetensors`);
          const theirs = golden.trainable.map((t) => t.name);
          const ofHead = (ours: string): string | undefined =>
            theirs.find((t) => t === ours || t.endsWith(`.${ours}`));
          const delta = attach(
            attachTo(base),
            theirs.some((t) => t.includes('classifier.')),
          );
          const named = (ours: string): string =>
            (ours in head.tensors ? ofHead(ours) : undefined) ?? rename(ours);
          const state: Arrays = {};
          for (const key of Object.keys(trainedShapes(base, delta))) {
            state[key] = tensors[`state.${named(key)}`] ?? stored[key]!;
          }
          return { golden, tensors, delta, state, named };
        };
        // peft gives IA3's vectors a second axis of length 1.
        const long = (shape: readonly number[]): number[] => shape.filter((n) => n !== 1);

        it('trains as the reference does', async ({ skip }) => {
          if (!engine) return skip(`${name} is not installed`);
          const { golden, tensors, delta, state, named } = await prepare();
          const theirs = Object.fromEntries(golden.trainable.map((t) => [t.name, long(t.shape)]));
          const ours = Object.entries(trainedShapes(base, delta));
          expect(Object.fromEntries(ours.map(([key, shape]) => [named(key), long(shape)]))).toEqual(theirs);

          const run = { engine, base, delta, head };
          const { loss, answers, gradients } = await computeEncoder(
            run,
            state,
            examplesOf(golden.batch),
            true,
          );
          expect(loss / golden.loss_state).toBeCloseTo(1, 5.4);
          expect(answers).toBeAllclose(tensors.logits_state ?? tensors.logits_init!, { atol: 1e-5 });
          for (const [key, gradient] of Object.entries(gradients)) {
            if (isNoise(key)) continue;
            const expected = tensors[`grad.${named(key)}`]!;
            const largest = sizeOfGradient(key, expected, tensors);
            expect(gradient, key).toBeAllclose(expected, { atol: 1e-5 * largest });
          }
        });

        it('takes optimiser steps as torch does', async ({ skip }) => {
          if (!engine) return skip(`${name} is not installed`);
          const { golden, tensors, delta, state, named } = await prepare();
          const { adamw, sgd, batch } = golden;
          const runs = [
            ...(adamw ? [{ ...adamw, optimizer: 'adamw' as const, kept: 'final' }] : []),
            ...(sgd
              ? [{ ...sgd, lrs: sgd.losses.map(() => sgd.lr), optimizer: 'sgd' as const, kept: 'sgd_final' }]
              : []),
          ];
          expect(runs).not.toEqual([]);
          for (const run of runs) {
            const task = { objective: labelled(head, true, 0), examples: examplesOf(batch) };
            const { losses, final } = await takeObjectiveSteps({ engine, base, delta }, state, task, run);
            expect(losses).toBeAllclose([...run.losses, run.loss_final], { rtol: 1e-5 });
            for (const [key, values] of Object.entries(final)) {
              const expected = tensors[`${run.kept}.${named(key)}`];
              if (!expected || isNoise(key)) continue;
              const bases = Object.keys(base.shapes).sort();
              const keep = (list: Float32Array): Float32Array =>
                key === 'intrinsic.scales' ? list.filter((_, i) => !isNoise(bases[i]!)) : list;
              expect(keep(values), key).toBeAllclose(keep(expected), { atol: 1e-4 });
            }
          }
        });
      });
    });
  });
}
