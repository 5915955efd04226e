/** Classification and regression by an encoder and a head. runs/cell trains labelled tasks with it. */
import type { LabelledTokens } from '../../data/examples/task.ts';
import type { NamedArrays, TensorTypes } from '../../engine/types.ts';
import type { Head } from '../../models/delta/heads.ts';
import { runClassifier } from '../../models/delta/forward.ts';
import { MICRO_BATCH_TOKENS } from './batch-shapes.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { BatchShape, Objective } from './objective.ts';
import { packedTypes, packingOf, packSequences, slotBias, startsOf } from './pack-sequences.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/**
 * The objective of labelled examples: cross entropy over classes, or with `classes` false the squared error
 * of a value. Answers are the head's outputs, [B, classes] or [B, 1].
 */
export function labelled(head: Head, classes: boolean, labelSmoothing: number): Objective<LabelledTokens> {
  const lengthOf = ({ ids }: LabelledTokens): number => ids.length;
  return {
    cut: cutTo,
    lengthOf,
    microBatchTokens: MICRO_BATCH_TOKENS.labels,
    targetsOf: () => 1,
    sizesOf(examples) {
      const lengths = examples.map(lengthOf);
      return {
        rows: examples.length,
        length: Math.max(1, ...lengths),
        tokens: Math.max(1, sum(lengths)),
        targets: examples.length,
        sourceLength: 0,
        sourceTokens: 0,
      };
    },
    types: (shape) => ({
      ...packedTypes(shape),
      tokenTypes: { shape: [shape.tokens], dtype: 'int32' },
      bias: { shape: [shape.rows, 1, 1, shape.length], dtype: 'float32' },
      ...pooledTypes(head.pooling, shape),
      labels: { shape: [shape.rows], dtype: classes ? 'int32' : 'float32' },
      labelWeights: { shape: [shape.rows], dtype: 'float32' },
    }),
    fill(examples, shape, weight) {
      const tokenTypes = new Int32Array(shape.tokens);
      const labels = classes ? new Int32Array(shape.rows) : new Float32Array(shape.rows);
      const labelWeights = new Float32Array(shape.rows);
      const lengths = examples.map(lengthOf);
      const starts = startsOf(lengths, shape);
      examples.forEach(({ types, label }, row) => {
        tokenTypes.set(types, starts[row]);
        labels[row] = label;
        labelWeights[row] = weight;
      });
      return {
        ...packSequences(
          examples.map(({ ids }) => ({ ids, prompt: ids.length })),
          shape,
        ),
        ...fillPooled(head.pooling, starts, lengths, shape),
        tokenTypes,
        bias: slotBias(lengths, shape),
        labels,
        labelWeights,
      };
    },
    loss(x, use, { rows: batch, length }) {
      const { bias, labels, labelWeights } = x.inputs;
      const answers = runClassifier(x, use, head, { batch, length, bias: bias!, packing: packingOf(x) });
      const each = classes
        ? crossEntropy(answers, labels!, use.training ? labelSmoothing : 0)
        : answers.reshape([batch]).sub(labels!).square();
      return { loss: each.mul(labelWeights!).sum(), answers };
    },
  };
}

/** Cuts a sequence to `positions` tokens and keeps its last one, which is a special token. */
function cutTo(example: LabelledTokens, positions: number): LabelledTokens {
  const { ids, types, label } = example;
  if (ids.length <= positions) return example;
  const short = (list: readonly number[]): number[] => [...list.slice(0, positions - 1), list.at(-1)!];
  return { ids: short(ids), types: short(types), label };
}

/** Types of what the head reads tokens by: the first one of each sequence, or the mean of all. */
function pooledTypes(pooling: Head['pooling'], { rows, tokens }: BatchShape): TensorTypes {
  if (pooling === 'mean') return { pool: { shape: [rows, tokens], dtype: 'float32' } };
  return {
    firstRows: { shape: [rows], dtype: 'int32' },
    firstPlaces: { shape: [tokens], dtype: 'int32' },
  };
}

/** Arrays of `pooledTypes`, of sequences that begin at the tokens `starts`. */
function fillPooled(
  pooling: Head['pooling'],
  starts: readonly number[],
  lengths: readonly number[],
  { rows, tokens }: BatchShape,
): NamedArrays {
  if (pooling === 'mean') {
    const pool = new Float32Array(rows * tokens);
    lengths.forEach((length, row) => {
      const start = row * tokens + starts[row]!;
      pool.fill(1 / length, start, start + length);
    });
    return { pool };
  }
  const firstRows = new Int32Array(rows);
  const firstPlaces = new Int32Array(tokens).fill(rows);
  lengths.forEach((_, row) => {
    firstRows[row] = starts[row]!;
    firstPlaces[starts[row]!] = row;
  });
  return { firstRows, firstPlaces };
}
