/** Classification and regression by a base and a head. runs/cell trains labelled tasks with it. */
import type { LabelledTokens } from '../../data/examples/task.ts';
import type { NamedArrays, TensorTypes } from '../../engine/types.ts';
import type { Head } from '../../models/delta/heads.ts';
import { runClassifier, SOURCE } from '../../models/delta/forward.ts';
import { MICRO_BATCH_TOKENS } from './batch-shapes.ts';
import { crossEntropy } from './cross-entropy.ts';
import type { BatchShape, Objective } from './objective.ts';
import { packedTypes, packingOf, packSequences, slotBias, startsOf } from './pack-sequences.ts';
import { UsageError } from '../../support/errors.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/**
 * The objective of labelled examples: cross entropy over classes, or with `classes` false the squared error
 * of a value. Answers are the head's outputs, [B, classes] or [B, 1]. An encoder-decoder reads each text twice: by
 * its encoder as it is, and by its decoder behind the start token and without the last token.
 */
export function labelled(head: Head, classes: boolean, labelSmoothing: number): Objective<LabelledTokens> {
  const countOf = ({ ids }: LabelledTokens): number => ids.length;
  const lengthOf = head.ends ? (example: LabelledTokens): number => 2 * countOf(example) : countOf;
  return {
    cut: (example, positions) => cutTo(withToken(example, head), positions),
    lengthOf,
    microBatchTokens: MICRO_BATCH_TOKENS.labels,
    targetsOf: () => 1,
    sizesOf(examples) {
      const counts = examples.map(countOf);
      return {
        rows: examples.length,
        length: Math.max(1, ...counts),
        tokens: Math.max(1, sum(counts)),
        targets: examples.length,
        sourceLength: 0,
        sourceTokens: 0,
      };
    },
    types: (shape) => ({
      ...packedTypes(shape),
      ...(head.ends && { [`${SOURCE}ids`]: { shape: [shape.tokens], dtype: 'int32' as const } }),
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
      const lengths = examples.map(countOf);
      const starts = startsOf(lengths, shape);
      examples.forEach(({ types, label }, row) => {
        tokenTypes.set(types, starts[row]);
        labels[row] = label;
        labelWeights[row] = weight;
      });
      return {
        ...packTexts(examples, head, starts, shape),
        ...fillPooled(head, examples, starts, shape),
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

/** Lays texts end to end; an encoder-decoder's encoder reads `source ids`, its decoder the tokens before them. */
function packTexts(
  examples: readonly LabelledTokens[],
  { ends }: Head,
  starts: readonly number[],
  shape: BatchShape,
): NamedArrays {
  const packed = packSequences(
    examples.map(({ ids }) => ({ ids, prompt: ids.length })),
    shape,
  );
  if (!ends) return packed;
  const ids = new Int32Array(shape.tokens);
  examples.forEach(({ ids: read }, row) => {
    ids.set([ends.startToken, ...read.slice(0, -1)], starts[row]);
  });
  return { ...packed, ids, [`${SOURCE}ids`]: packed.ids! };
}

/** Cuts a sequence to `positions` tokens and keeps its last one, which is a special token. */
function cutTo(example: LabelledTokens, positions: number): LabelledTokens {
  const { ids, types, label } = example;
  if (ids.length <= positions) return example;
  const short = (list: readonly number[]): number[] => [...list.slice(0, positions - 1), list.at(-1)!];
  return { ids: short(ids), types: short(types), label };
}

/** Gives a text without tokens the padding token, which stands for it in transformers' batches. */
function withToken(example: LabelledTokens, { pooling, padToken }: Head): LabelledTokens {
  if (pooling !== 'last' || example.ids.length > 0) return example;
  if (padToken === undefined)
    throw new UsageError(
      'A text is empty and has no last token to read its class from; leave it out of the data, or set ' +
        'pad_token_id in config.json of the base, whose token then stands for it.',
    );
  return { ...example, ids: [padToken], types: [0] };
}

/** Types of what the head reads tokens by: one of each sequence, or the mean of all. */
function pooledTypes(pooling: Head['pooling'], { rows, tokens }: BatchShape): TensorTypes {
  if (pooling === 'mean') return { pool: { shape: [rows, tokens], dtype: 'float32' } };
  return {
    pooledRows: { shape: [rows], dtype: 'int32' },
    pooledPlaces: { shape: [tokens], dtype: 'int32' },
  };
}

/** Arrays of `pooledTypes`, of sequences that begin at the tokens `starts`. */
function fillPooled(
  head: Head,
  examples: readonly LabelledTokens[],
  starts: readonly number[],
  { rows, tokens }: BatchShape,
): NamedArrays {
  if (head.pooling === 'mean') {
    const pool = new Float32Array(rows * tokens);
    examples.forEach(({ ids }, row) => {
      const start = row * tokens + starts[row]!;
      pool.fill(1 / ids.length, start, start + ids.length);
    });
    return { pool };
  }
  const pooledRows = new Int32Array(rows);
  const pooledPlaces = new Int32Array(tokens).fill(rows);
  examples.forEach(({ ids }, row) => {
    const token = starts[row]! + pooledToken(ids, head);
    pooledRows[row] = token;
    pooledPlaces[token] = row;
  });
  return { pooledRows, pooledPlaces };
}

/** The index of the token that the head reads; where there is no last one that is no padding, that of the first. */
function pooledToken(ids: readonly number[], { pooling, padToken, ends }: Head): number {
  const last = { last: (id: number) => id !== padToken, end: (id: number) => id === ends?.endToken };
  return pooling === 'last' || pooling === 'end' ? Math.max(0, ids.findLastIndex(last[pooling])) : 0;
}
