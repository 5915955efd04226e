// Parity tests of decoders and encoder-decoders, for the test files of each family.
// test/golden/parity/README.md names the versions that made the golden numbers.
import { beforeAll, describe, expect, it } from 'vitest';
import { testEngine } from '../engines.ts';
import type { Engine, EngineName } from '../../harness/engine/types.ts';
import { trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import { loadBase } from '../../harness/models/bases/load-base.ts';
import type { Delta } from '../../harness/models/method.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';
import { takeSteps } from './adamw.ts';
import { cases } from './cases.ts';
import { moreCases } from './cases-more.ts';
import { sizeOfGradient } from './cases-weights.ts';
import { computeDecoder, type Arrays, type Batch } from './decoder.ts';
import { folderOf, hasParity, readGolden, readTensors } from './folder.ts';

interface Forward {
  readonly cases: Record<string, { batch: Batch; loss: number }>;
}
interface Golden {
  readonly batch: Batch;
  readonly loss_init: number;
  readonly loss_state: number;
  readonly trainable: { name: string; shape: number[] }[];
  readonly trainable_count: number;
  readonly config: Record<string, unknown>;
  readonly adamw?: { lrs: number[]; losses: number[]; loss_final: number; weight_decay: number };
  /** Present in ReFT's goldens only. */
  readonly sgd?: { lr: number; losses: number[]; loss_final: number };
}

/** Differences between the goldens of the models. */
export interface ModelParity {
  /** Name of the last linear of each kind of sublayer, in Hugging Face's terms. */
  readonly lastLinear: Readonly<Record<string, string>>;
  /** Goldens that do not exist for the model. */
  readonly lacks?: readonly string[];
  /** The goldens of a model that has few. */
  readonly only?: readonly string[];
  /** Goldens whose embedding has rows for two stacks, of which only the first half is used. */
  readonly doubled?: readonly string[];
  /**
   * True for elements whose true gradient is 0, so that theirs is rounding noise (see the goldens' README).
   */
  isNoise?(name: string, index: number, length: number): boolean;
}

/**
 * Drops the golden logits of virtual tokens, which precede each row; an encoder-decoder's follow its labels.
 */
function ofRealTokens(
  logits: Float32Array,
  { input_ids, labels }: Batch,
  { kind, vocabulary }: BaseModel['architecture'],
): Float32Array {
  const length = (kind === 'encoder-decoder' ? labels : input_ids)[0]!.length;
  const [row, real] = [logits.length / input_ids.length, length * vocabulary];
  return logits.filter((_, i) => i % row >= row - real);
}

const engines: EngineName[] = ['onnx', 'js', 'tensorflow'];

/** Defines the tests of a model and of every method on it, on every engine. */
export function describeDecoder(
  model: string,
  { lastLinear, lacks = [], only, doubled = [], isNoise = () => false }: ModelParity,
): void {
  const all = [...cases(model, lastLinear), ...moreCases(model)];
  const goldens = all.filter(({ golden }) => (only ? only.includes(golden) : !lacks.includes(golden)));
  describe.skipIf(!hasParity(model, 'config.json'))(model, () => {
    for (const name of engines) {
      describe(name, () => {
        let engine: Engine | undefined;
        let base: BaseModel;
        beforeAll(async () => {
          engine = await testEngine(name).catch((error: unknown) => {
            if (name === 'tensorflow') return undefined;
            throw error;
          });
          base = await loadBase(folderOf(model));
        });
        const nothing: Delta = { trained: {} };

        it('computes the logits, the last hidden states and the loss of transformers', async ({ skip }) => {
          if (!engine) return skip(`${name} is not installed`);
          const golden = readGolden<Forward>(model, 'forward.json');
          const tensors = await readTensors(model, 'forward.safetensors');
          for (const [key, { batch, loss }] of Object.entries(golden.cases)) {
            const ours = await computeDecoder(engine, base, nothing, {}, batch);
            expect(ours.loss / loss).toBeCloseTo(1, 5.4);
            for (const [kind, width] of [
              ['logits', base.architecture.vocabulary],
              ['last_hidden_state', base.architecture.width],
            ] as const) {
              const expected = tensors[`${key}.${kind}`];
              if (!expected && kind === 'last_hidden_state') continue;
              // The goldens of an encoder-decoder cover padding too.
              const mask = (
                base.architecture.kind === 'decoder'
                  ? batch.attention_mask
                  : batch.labels.map((row) => row.map(() => 1))
              ).flat();
              const real = (values: Float32Array): Float32Array =>
                values.filter((_, i) => mask[Math.floor(i / width)]);
              const actual = kind === 'logits' ? ours.logits : ours.hidden;
              expect(real(actual)).toBeAllclose(real(expected!), { atol: 1e-5 });
            }
          }
        });

        for (const { golden: method, attach, rename } of goldens) {
          const isHalf = (key: string): boolean => doubled.includes(method) && key === 'embedding.weight';
          /** Selects the half of a golden's tensor that the method here has. */
          const own = (key: string, values: Float32Array | undefined): Float32Array | undefined =>
            isHalf(key) ? values?.subarray(0, values.length / 2) : values;
          it.skipIf(!hasParity(`methods/${model}/${method}.json`))(
            `trains ${method} as the reference does`,
            async ({ skip }) => {
              if (!engine) return skip(`${name} is not installed`);
              const golden = readGolden<Golden>(`methods/${model}/${method}.json`);
              const tensors = await readTensors(`methods/${model}/${method}.safetensors`);
              const delta = attach(base);
              const shapes = trainedShapes(base, delta);
              // peft gives IA3's vectors a second axis of length 1.
              const long = (shape: readonly number[]): number[] => shape.filter((n) => n !== 1);
              const theirs = Object.fromEntries(golden.trainable.map((t) => [t.name, long(t.shape)]));
              const whole = (key: string, [rows, ...rest]: readonly number[]): number[] => [
                isHalf(key) ? 2 * rows! : rows!,
                ...rest,
              ];
              expect(
                Object.fromEntries(
                  Object.entries(shapes).map(([key, shape]) => [rename(key), long(whole(key, shape))]),
                ),
              ).toEqual(theirs);

              const state: Arrays = {};
              for (const key of Object.keys(shapes))
                state[key] = own(key, tensors[`state.${rename(key)}`]) ?? (await base.tensor(key));
              const ours = await computeDecoder(engine, base, delta, state, golden.batch);
              expect(ours.loss / golden.loss_state).toBeCloseTo(1, 5.4);
              const logits = tensors.logits_state ?? tensors.logits_init!;
              // FourierFT sums waves that cancel, which js rounds more, since it sums in order.
              const room = method.startsWith('fourierft') && name === 'js' ? 3 : 1;
              expect(ours.logits).toBeAllclose(ofRealTokens(logits, golden.batch, base.architecture), {
                atol: 1e-5 * room,
              });
              for (const [key, gradient] of Object.entries(ours.gradients)) {
                const expected = own(key, tensors[`grad.${rename(key)}`])!;
                const keep = (values: Float32Array): Float32Array =>
                  values.filter((_, i) => !isNoise(key, i, values.length));
                const largest = sizeOfGradient(key, keep(expected), tensors);
                expect(keep(gradient), key).toBeAllclose(keep(expected), { atol: 1e-5 * room * largest });
              }
            },
          );

          it.skipIf(!hasParity(`methods/${model}/${method}.json`))(
            `takes optimiser steps with ${method} as torch does`,
            async ({ skip }) => {
              if (!engine) return skip(`${name} is not installed`);
              const { adamw, sgd, batch } = readGolden<Golden>(`methods/${model}/${method}.json`);
              const tensors = await readTensors(`methods/${model}/${method}.safetensors`);
              const delta = attach(base);
              const state: Arrays = {};
              for (const key of Object.keys(trainedShapes(base, delta)))
                state[key] = own(key, tensors[`state.${rename(key)}`]) ?? (await base.tensor(key));
              const runs = [
                ...(adamw ? [{ ...adamw, optimizer: 'adamw' as const, kept: 'final' }] : []),
                ...(sgd
                  ? [
                      {
                        ...sgd,
                        lrs: sgd.losses.map(() => sgd.lr),
                        optimizer: 'sgd' as const,
                        kept: 'sgd_final',
                      },
                    ]
                  : []),
              ];
              expect(runs).not.toEqual([]);
              for (const run of runs) {
                const { losses, final } = await takeSteps(engine, base, delta, state, batch, run);
                expect(losses).toBeAllclose([...run.losses, run.loss_final], { rtol: 1e-5 });
                for (const [key, values] of Object.entries(final)) {
                  const expected = own(key, tensors[`${run.kept}.${rename(key)}`]);
                  if (!expected) continue;
                  const keep = (list: Float32Array): Float32Array =>
                    list.filter((_, i) => !isNoise(key, i, list.length));
                  expect(keep(values), key).toBeAllclose(keep(expected), { atol: 1e-4 });
                }
              }
            },
          );
        }
      });
    }
  });
}
