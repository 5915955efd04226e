// Computes logits, loss and gradients of decoders and encoder-decoders on batches in transformers' form.
import * as ops from '../../harness/engine/ops.ts';
import type { Engine, NumericArray, ProgramTensors, Shape } from '../../harness/engine/types.ts';
import { freezeTensors, trainedShapes } from '../../harness/models/delta/trained-tensors.ts';
import {
  outputHead,
  runDecoder,
  runEncoderDecoder,
  SOURCE,
  type ModelUse,
} from '../../harness/models/delta/forward.ts';
import type { Delta } from '../../harness/models/method.ts';
import { tokenLoss } from '../../harness/training/objectives/cross-entropy.ts';
import { forwardAndGradients, pick, stateOf, typesOf } from './state.ts';
import type { BaseModel } from '../../harness/models/base-model.ts';

/** A batch in transformers' form. */
export interface Batch {
  readonly input_ids: number[][];
  readonly attention_mask: number[][];
  readonly labels: number[][];
  readonly position_ids?: number[][];
}

export type Arrays = Record<string, Float32Array>;

export type Inputs = Readonly<Record<string, { readonly shape: Shape; readonly data: NumericArray }>>;

/** A token to predict, and the row of hidden states that predicts it. */
interface Target {
  readonly row: number;
  readonly id: number;
}

export interface Computed {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradients: Arrays;
  readonly hidden: Float32Array;
}

/**
 * Computes logits, loss and, unless it is told not to, gradients at the given tensors; an encoder-decoder's source is
 * `input_ids`.
 */
export function computeDecoder(
  engine: Engine,
  base: BaseModel,
  delta: Delta,
  tensors: Arrays,
  batch: Batch,
  differentiated = true,
): Promise<Computed> {
  const make = base.architecture.kind === 'encoder-decoder' ? sequenceToSequence : decoderOnly;
  return compute({ engine, base, delta, differentiated }, tensors, make(batch, base));
}

interface Made {
  readonly inputs: Inputs;
  /** Number of rows of hidden states. */
  readonly rows: number;
  readonly targets: readonly Target[];
  readonly forward: (x: ProgramTensors, use: ModelUse) => ops.Tensor;
}

const MASKED = -1e9;

function decoderOnly(batch: Batch): Made {
  const [rows, length] = [batch.input_ids.length, batch.input_ids[0]!.length];
  const mask = batch.attention_mask;
  const all = rows * length;
  // A position predicts the label of the next one.
  const targets: Target[] = [];
  batch.labels.forEach((labels, row) => {
    labels.forEach((id, i) => {
      if (i > 0 && id !== -100) targets.push({ row: row * length + i - 1, id });
    });
  });
  // A prompt ends before the first label other than −100.
  const ends = batch.labels.map((labels) => labels.findIndex((id) => id !== -100));
  const bias = Float32Array.from({ length: all * length }, (_, i) =>
    i % length <= Math.floor(i / length) % length && mask[Math.floor(i / length / length)]![i % length]
      ? 0
      : MASKED,
  );
  const padded = mask.some((m) => m.includes(0));
  return {
    inputs: {
      ...tokenInputs(batch.input_ids, mask, ends, batch.position_ids),
      bias: { shape: [rows, 1, length, length], data: bias },
    },
    rows: all,
    targets,
    forward: (x, use) =>
      runDecoder(x, use, { batch: rows, length, ...(padded && { bias: x.inputs.bias! }) }).hidden,
  };
}

/** Prepares an encoder-decoder: the source is the prompt, and the decoder reads the labels shifted right. */
function sequenceToSequence(batch: Batch, { architecture }: BaseModel): Made {
  if (architecture.kind !== 'encoder-decoder') throw new TypeError('this base reads no source');
  const { startToken } = architecture;
  const [rows, length, size] = [batch.input_ids.length, batch.labels[0]!.length, batch.input_ids[0]!.length];
  const mask = batch.attention_mask;
  const shifted = batch.labels.map((labels) => [
    startToken,
    ...labels.slice(0, -1).map((id) => Math.max(0, id)),
  ]);
  const ends = mask.map((bits) => bits.lastIndexOf(1) + 1);
  const source = tokenInputs(batch.input_ids, mask, ends);
  const bias = Float32Array.from(mask.flat(), (bit) => (bit ? 0 : MASKED));
  return {
    inputs: {
      ...tokenInputs(
        shifted,
        batch.labels.map((labels) => labels.map(() => 1)),
        labelless(rows),
      ),
      ...Object.fromEntries(Object.entries(source).map(([name, input]) => [SOURCE + name, input])),
      [`${SOURCE}bias`]: { shape: [rows, 1, 1, size], data: bias },
    },
    rows: rows * length,
    targets: batch.labels.flat().flatMap((id, row) => (id === -100 ? [] : [{ row, id }])),
    forward: (x, use) =>
      runEncoderDecoder(
        x,
        use,
        { batch: rows, length: size, bias: x.inputs[`${SOURCE}bias`]! },
        { batch: rows, length },
      ).hidden,
  };
}

/** Gives prompt ends of 0, for rows without a prompt. */
const labelless = (rows: number): number[] => Array.from({ length: rows }, () => 0);

/** Makes ids, positions and context masks of a padded batch; `ends` holds the length of each row's prompt. */
function tokenInputs(
  ids: readonly number[][],
  mask: readonly number[][],
  ends: readonly number[],
  positions?: readonly number[][],
): Inputs {
  const length = ids[0]!.length;
  const all = ids.length * length;
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  ends.forEach((end, row) => {
    const start = mask[row]!.indexOf(1);
    for (let i = start; i < end; i++) {
      fromStart[row * length + i] = i - start;
      fromEnd[row * length + i] = end - 1 - i;
    }
  });
  const column = (data: Float32Array): Inputs[string] => ({ shape: [all, 1], data });
  return {
    ids: { shape: [all], data: Int32Array.from(ids.flat()) },
    positions: {
      shape: [all],
      data: Int32Array.from(positions?.flat() ?? Array.from({ length: all }, (_, i) => i % length)),
    },
    tokens: column(Float32Array.from(mask.flat())),
    prompt: column(fromStart.map((i) => (i >= 0 ? 1 : 0))),
    fromStart: column(fromStart),
    fromEnd: column(fromEnd),
  };
}

interface Run {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly differentiated: boolean;
}

async function compute(
  { engine, base, delta, differentiated }: Run,
  tensors: Arrays,
  { inputs, rows, targets, forward }: Made,
): Promise<Computed> {
  const held = await freezeTensors(engine, base, delta, 0);
  const names = differentiated ? Object.keys(trainedShapes(base, delta)) : [];
  const values = await stateOf(base, delta, tensors);
  const state = engine.state(values);
  const places = new Int32Array(rows).fill(targets.length);
  targets.forEach(({ row }, place) => (places[row] = place));
  const count = [targets.length];
  const all: Inputs = {
    ...inputs,
    targetRows: { shape: count, data: Int32Array.from(targets, ({ row }) => row) },
    targetPlaces: { shape: [rows], data: places },
    targetIds: { shape: count, data: Int32Array.from(targets, ({ id }) => id) },
    targetWeights: { shape: count, data: new Float32Array(targets.length).fill(1 / targets.length) },
  };
  const compiled = await engine.compile(
    {
      name: 'parity',
      frozen: held,
      state: typesOf(values),
      inputs: Object.fromEntries(
        Object.entries(all).map(([name, { shape, data }]) => [
          name,
          { shape, dtype: data instanceof Int32Array ? ('int32' as const) : ('float32' as const) },
        ]),
      ),
    },
    (x) => {
      const use: ModelUse = { base, delta, tensors: x.state, training: true, dropout: false, totalSteps: 1 };
      const { computed, gradients } = forwardAndGradients(
        () => {
          const { targetRows, targetPlaces, targetIds, targetWeights } = x.inputs;
          const hidden = forward(x, use);
          const aimed = ops.selectRows(hidden, targetRows!, targetPlaces!);
          const targets = { ids: targetIds!, weights: targetWeights! };
          return { hidden, loss: tokenLoss(outputHead(x, use), aimed, targets, 0) };
        },
        pick(x.state, names),
      );
      const head = outputHead(x, use);
      const named = Object.entries(gradients).map(([name, g]) => [`gradient ${name}`, g] as const);
      return {
        outputs: {
          ...computed,
          logits: head.scores(computed.hidden, (own) => ops.matMul(own, head.weight, false, true)),
          ...Object.fromEntries(named),
        },
      };
    },
  );
  const out = await compiled.run(
    state,
    Object.fromEntries(Object.entries(all).map(([name, { data }]) => [name, data])),
  );
  await compiled.dispose();
  const gradients = names.map((name) => [name, out[`gradient ${name}`] as Float32Array] as const);
  return {
    logits: out.logits as Float32Array,
    hidden: out.hidden as Float32Array,
    loss: out.loss![0]!,
    gradients: Object.fromEntries(gradients),
  };
}
