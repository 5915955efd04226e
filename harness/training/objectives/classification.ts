/** Classification and regression by an encoder and a head. runs/cell trains labelled tasks with it. */
import type { LabelledTokens } from '../../data/examples/task.ts';
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { Head } from '../../models/delta/heads.ts';
import { runClassifier } from '../../models/delta/forward.ts';
import { MICRO_BATCH_TOKENS } from './batch-shapes.ts';
import type { Objective } from './objective.ts';
import { packedTypes, packingOf, packSequences, slotBias, startsOf } from './pack-sequences.ts';
import { sum } from '../../support/arithmetic.ts';

/**
 * The objective of labelled examples: cross entropy over classes, or with `classes` false the squared error
 * of a value. Answers are the head's outputs, [B, classes] or [B, 1].
 */
export function labelled(head: Head, classes: boolean, labelSmoothing: number): Objective<LabelledTokens> {
  const lengthOf = ({ ids }: LabelledTokens): number => ids.length;
  const first = head.pooling === 'first';
  return {
    cut({ ids, types, label }, positions) {
      // Every sequence ends with a special token, which a cut must keep.
      const short = (list: readonly number[]): number[] => [...list.slice(0, positions - 1), list.at(-1)!];
      return ids.length <= positions
        ? { ids, types, label }
        : { ids: short(ids), types: short(types), label };
    },
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
      ...(first
        ? {
            firstRows: { shape: [shape.rows], dtype: 'int32' },
            firstPlaces: { shape: [shape.tokens], dtype: 'int32' },
          }
        : { pool: { shape: [shape.rows, shape.tokens], dtype: 'float32' } }),
      labels: { shape: [shape.rows], dtype: classes ? 'int32' : 'float32' },
      labelWeights: { shape: [shape.rows], dtype: 'float32' },
    }),
    fill(examples, shape, weight) {
      const tokenTypes = new Int32Array(shape.tokens);
      const pool = new Float32Array(first ? 0 : shape.rows * shape.tokens);
      const firstRows = new Int32Array(shape.rows);
      const firstPlaces = new Int32Array(shape.tokens).fill(shape.rows);
      const labels = classes ? new Int32Array(shape.rows) : new Float32Array(shape.rows);
      const labelWeights = new Float32Array(shape.rows);
      const starts = startsOf(examples.map(lengthOf), shape);
      examples.forEach(({ ids, types, label }, row) => {
        const token = starts[row]!;
        tokenTypes.set(types, token);
        const start = row * shape.tokens + token;
        pool.fill(1 / ids.length, start, start + ids.length);
        firstRows[row] = token;
        firstPlaces[token] = row;
        labels[row] = label;
        labelWeights[row] = weight;
      });
      const bias = slotBias(examples.map(lengthOf), shape);
      const sequences = examples.map(({ ids }) => ({ ids, prompt: ids.length }));
      const read = first ? { firstRows, firstPlaces } : { pool };
      return { ...packSequences(sequences, shape), ...read, tokenTypes, bias, labels, labelWeights };
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

/** −Σ q log softmax(logits), where q is the one-hot label, smoothed over all classes: [B, C] → [B]. */
function crossEntropy(logits: Tensor, labels: Tensor, smoothing: number): Tensor {
  const logp = ops.logSoftmax(logits);
  const hit = logp.mul(ops.oneHot(labels, logits.shape[1]!)).sum(1);
  return smoothing > 0 ? hit.mul(smoothing - 1).sub(logp.mean(1).mul(smoothing)) : hit.neg();
}
