/**
 * The objective of pretraining, for all three kinds of architectures. runs/pretrain trains new bases with it.
 */
import * as ops from '../../engine/ops.ts';
import type { Tensor } from '../../engine/ops.ts';
import type { NamedArrays, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { Architecture } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/parts/layers.ts';
import type { MaskedHead } from '../../models/delta/masked-head.ts';
import {
  outputHead,
  type ModelUse,
  runDecoder,
  runEncoder,
  runEncoderDecoder,
  SOURCE,
} from '../../models/delta/forward.ts';
import { addPrefix } from '../../support/prefixed-names.ts';
import { MICRO_BATCH_TOKENS } from '../objectives/batch-shapes.ts';
import type { BatchShape, Objective } from '../objectives/objective.ts';
import { packedTypes, packingOf, packSequences, startsOf } from '../objectives/pack-sequences.ts';
import { NOTHING, type Sequence } from './draw.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** Sequences that share a row of attention. Each attends to itself alone and counts its positions from 0. */
export type Row = readonly Sequence[];

const tokensOf = (row: Row): number => sum(row.map(({ ids }) => ids.length));
const sourceTokensOf = (row: Row): number => sum(row.map(({ source = [] }) => source.length));
const targetsOf = (row: Row): number =>
  sum(row.map(({ targets }) => targets.filter((id) => id !== NOTHING).length));

/**
 * The objective of pretraining: cross entropy of the sequences' targets over the vocabulary, of an encoder by
 * its masked head.
 */
export function pretraining({ kind }: Architecture, head: MaskedHead | undefined): Objective<Row> {
  const causal = kind !== 'encoder';
  const reads = kind === 'encoder-decoder';
  return {
    cut: (row) => row,
    lengthOf: (row) => tokensOf(row) + sourceTokensOf(row),
    microBatchTokens: MICRO_BATCH_TOKENS.text,
    targetsOf,
    sizesOf: (rows) => ({
      rows: rows.length,
      length: Math.max(1, ...rows.map(tokensOf)),
      tokens: Math.max(1, sum(rows.map(tokensOf))),
      targets: Math.max(1, sum(rows.map(targetsOf))),
      sourceLength: reads ? Math.max(1, ...rows.map(sourceTokensOf)) : 0,
      sourceTokens: reads ? Math.max(1, sum(rows.map(sourceTokensOf))) : 0,
    }),
    types: (shape) => ({ ...ownTypes(shape), ...(reads && sourceTypes(shape)) }),
    fill: (rows, shape, weight) => ({
      ...fillOwn(rows, shape, weight, causal),
      ...(reads && fillSource(rows, shape)),
    }),
    loss(x, use, shape) {
      const hidden = lastStates(x, use, shape, kind);
      const weight = (name: string): Tensor => use.tensors[name] ?? x.frozen[name]!;
      const [features, table] = head ? head.apply(hidden, weight) : [hidden, outputHead(x, use).weight];
      const { targetIds, targetWeights } = x.inputs;
      return { loss: ops.headCrossEntropy(features, table, targetIds!, targetWeights!, 0) };
    },
  };
}

/** Types of what is computed on: the sequences' own tokens and their targets. */
function ownTypes(shape: BatchShape): TensorTypes {
  const { rows, length, tokens, targets } = shape;
  return {
    ...packedTypes(shape),
    tokenTypes: ints(tokens),
    bias: floats(rows, 1, length, length),
    targetRows: ints(targets),
    targetPlaces: ints(tokens),
    targetIds: ints(targets),
    targetWeights: floats(targets),
  };
}

/** Types of what an encoder-decoder reads. */
function sourceTypes(shape: BatchShape): TensorTypes {
  const { rows, length, sourceLength } = shape;
  return {
    ...addPrefix(SOURCE, packedTypes(sourceOf(shape))),
    [`${SOURCE}bias`]: floats(rows, 1, sourceLength, sourceLength),
    crossBias: floats(rows, 1, length, sourceLength),
  };
}

/** Arrays of `ownTypes`; every target has the same weight. */
function fillOwn(rows: readonly Row[], shape: BatchShape, weight: number, causal: boolean): NamedArrays {
  const targetRows = new Int32Array(shape.targets);
  const targetPlaces = new Int32Array(shape.tokens).fill(shape.targets);
  const targetIds = new Int32Array(shape.targets);
  const targetWeights = new Float32Array(shape.targets);
  const tokenTypes = new Int32Array(shape.tokens);
  const starts = startsOf(rows.map(tokensOf), shape);
  let place = 0;
  rows.forEach((row, at) => {
    let token = starts[at]!;
    for (const { targets, types } of row) {
      if (types) tokenTypes.set(types, token);
      for (const id of targets) {
        if (id !== NOTHING) {
          targetRows[place] = token;
          targetPlaces[token] = place;
          targetIds[place] = id;
          targetWeights[place] = weight;
          place++;
        }
        token++;
      }
    }
  });
  const own = idsOf(rows);
  const bias = seen(own, own, shape.length, shape.length, shape.rows, causal);
  return { ...packRows(own, shape), tokenTypes, bias, targetRows, targetPlaces, targetIds, targetWeights };
}

/** Arrays of `sourceTypes`. */
function fillSource(rows: readonly Row[], shape: BatchShape): NamedArrays {
  const { length, sourceLength } = shape;
  const read = rows.map((row) => row.map(({ source = [] }) => source));
  return {
    ...addPrefix(SOURCE, packRows(read, sourceOf(shape))),
    [`${SOURCE}bias`]: seen(read, read, sourceLength, sourceLength, shape.rows, false),
    crossBias: seen(idsOf(rows), read, length, sourceLength, shape.rows, false),
  };
}

/** The model's last hidden states at the tokens that predict a target. */
function lastStates(
  x: ProgramTensors,
  use: ModelUse,
  { rows: batch, length, sourceLength }: BatchShape,
  kind: Architecture['kind'],
): Tensor {
  const { bias, crossBias, targetRows, targetPlaces } = x.inputs;
  const outputRows = { rows: targetRows!, places: targetPlaces! };
  const sequences = { batch, length, packing: packingOf(x), bias: bias!, outputRows };
  if (kind === 'encoder') return runEncoder(x, use, sequences).hidden;
  if (kind === 'decoder') return runDecoder(x, use, sequences).hidden;
  const sourceBias = x.inputs[`${SOURCE}bias`]!;
  const sources = { batch, length: sourceLength, packing: packingOf(x, SOURCE), bias: sourceBias };
  return runEncoderDecoder(x, use, sources, sequences, crossBias).hidden;
}

const idsOf = (rows: readonly Row[]): Rows => rows.map((row) => row.map(({ ids }) => ids));
const ints = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });
const floats = (...shape: number[]): TensorTypes[string] => ({ shape, dtype: 'float32' });
const sourceOf = ({ rows, sourceLength, sourceTokens }: BatchShape): Parameters<typeof packSequences>[1] => ({
  rows,
  length: sourceLength,
  tokens: sourceTokens,
});

type Rows = readonly (readonly (readonly number[])[])[];

/** Packs rows; every sequence has positions of its own. */
function packRows(rows: Rows, shape: Parameters<typeof packSequences>[1]): ReturnType<typeof packSequences> {
  return packSequences(
    rows.map((row) => ({ ids: row.flat(), positions: row.flatMap((ids) => [...ids.keys()]), prompt: 0 })),
    shape,
  );
}

/**
 * Attention's bias [B, 1, Q, K]: 0 where a query may see a key of its own sequence, if causal none after
 * itself; MASKED elsewhere.
 */
function seen(
  queries: Rows,
  keys: Rows,
  queryLength: number,
  keyLength: number,
  count: number,
  causal: boolean,
): Float32Array {
  const bias = new Float32Array(count * queryLength * keyLength).fill(MASKED);
  queries.forEach((row, b) => {
    let [query, key] = [0, 0];
    row.forEach(({ length }, n) => {
      const width = keys[b]![n]!.length;
      for (let i = 0; i < length; i++) {
        const start = (b * queryLength + query + i) * keyLength + key;
        bias.fill(0, start, start + (causal ? i + 1 : width));
      }
      query += length;
      key += width;
    });
  });
  return bias;
}
