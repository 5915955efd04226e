/**
 * Language modelling of prompts and targets, by decoders and encoder-decoders. runs/cell trains text tasks
 * with it.
 */
import type { TokenPair } from '../../data/examples/task.ts';
import type { NamedArrays, TensorTypes } from '../../engine/types.ts';
import type { Architecture } from '../../models/architecture.ts';
import { outputHead, runDecoder, runEncoderDecoder, SOURCE } from '../../models/delta/forward.ts';
import { addPrefix } from '../../support/prefixed-names.ts';
import { MICRO_BATCH_TOKENS } from './batch-shapes.ts';
import { tokenLoss } from './cross-entropy.ts';
import type { BatchShape, Objective } from './objective.ts';
import { packedTypes, packingOf, packSequences, slotBias, startsOf } from './pack-sequences.ts';
import { sum } from '../../support/numbers/arithmetic.ts';
import type { Recipe } from '../recipe.ts';

/** A decoder's prompt and target; of an encoder-decoder also the source that its encoder reads. */
export interface Example extends TokenPair {
  readonly source?: readonly number[];
  /** Whether the last token is not learnt: its term of the loss has weight 0, but is counted. */
  readonly endUnlearnt?: true;
}

/** Which tokens are learnt. */
export type LearntTokens = Pick<Recipe, 'lossOn' | 'endOfLongest'>;

/**
 * The objective of texts: each target token is predicted from all tokens before it, by cross entropy over the
 * vocabulary; where `lossOn` is `everything`, each token of a decoder's prompt is, too. Where `endOfLongest` is
 * `not-learnt`, the longest examples of a step do not learn their last token.
 */
export function languageModel(
  architecture: Architecture,
  labelSmoothing: number,
  { lossOn = 'answer', endOfLongest = 'learnt' }: LearntTokens = {},
): Objective<Example> {
  const firstTarget = ({ prompt }: TokenPair): number =>
    Math.max(1, lossOn === 'everything' ? 0 : prompt.length);
  const targetsOf = (example: Example): number =>
    Math.max(0, example.prompt.length + example.target.length - firstTarget(example));
  return {
    cut: (pair, positions) => exampleFor(architecture, pair, positions),
    ...(endOfLongest === 'not-learnt' && { together: withoutLongestEnds }),
    lengthOf,
    microBatchTokens: MICRO_BATCH_TOKENS.text,
    targetsOf,
    sizesOf: (examples) => sizesOf(examples, targetsOf),
    types: batchTypes,
    fill: (examples, shape, weight) => fillBatch(examples, shape, weight, firstTarget),
    loss(x, use, { rows: batch, length, sourceLength }) {
      const { targetRows, targetPlaces, targetIds, targetWeights } = x.inputs;
      const outputRows = { rows: targetRows!, places: targetPlaces! };
      const sequences = { batch, length, packing: packingOf(x), outputRows };
      const { hidden } =
        sourceLength > 0
          ? runEncoderDecoder(
              x,
              use,
              {
                batch,
                length: sourceLength,
                packing: packingOf(x, SOURCE),
                bias: x.inputs[`${SOURCE}bias`]!,
              },
              sequences,
            )
          : runDecoder(x, use, sequences);
      const smoothing = use.training ? labelSmoothing : 0;
      const head = outputHead(x, use, outputRows);
      const loss = tokenLoss(head, hidden, { ids: targetIds!, weights: targetWeights! }, smoothing);
      return { loss };
    },
  };
}

/**
 * A pair as the model takes it, cut at its last position. An encoder-decoder reads the prompt as its source and
 * decodes from the start token, each in positions of its own.
 */
function exampleFor(architecture: Architecture, { prompt, target }: TokenPair, positions: number): Example {
  if (architecture.kind !== 'encoder-decoder')
    return {
      prompt: prompt.slice(0, positions),
      target: target.slice(0, Math.max(0, positions - prompt.length)),
    };
  return {
    source: prompt.slice(0, positions),
    prompt: [architecture.startToken],
    target: target.slice(0, positions - 1),
  };
}

/** The examples of a step, the longest of which do not learn their last token. */
function withoutLongestEnds(examples: readonly Example[]): Example[] {
  const longest = Math.max(...examples.map(lengthOf));
  return examples.map((example) =>
    lengthOf(example) === longest ? { ...example, endUnlearnt: true } : example,
  );
}

/** The number of tokens of an example. */
const lengthOf = ({ prompt, target, source = [] }: Example): number =>
  prompt.length + target.length + source.length;

function sizesOf(examples: readonly Example[], targetsOf: (example: Example) => number): BatchShape {
  const lengths = examples.map(({ prompt, target }) => prompt.length + target.length);
  const sources = examples.flatMap(({ source }) => (source ? [source.length] : []));
  const least = sources.length > 0 ? 1 : 0;
  return {
    rows: examples.length,
    length: Math.max(1, ...lengths),
    tokens: Math.max(1, sum(lengths)),
    targets: Math.max(1, sum(examples.map(targetsOf))),
    sourceLength: Math.max(least, ...sources),
    sourceTokens: Math.max(least, sum(sources)),
  };
}

const ints = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });

/** The inputs of a program on a batch. */
function batchTypes(shape: BatchShape): TensorTypes {
  const { rows, tokens, targets, sourceLength, sourceTokens } = shape;
  const source = { rows, length: sourceLength, tokens: sourceTokens };
  const bias = { shape: [rows, 1, 1, sourceLength], dtype: 'float32' as const };
  return {
    ...packedTypes(shape),
    targetRows: ints(targets),
    targetPlaces: ints(tokens),
    targetIds: ints(targets),
    targetWeights: { shape: [targets], dtype: 'float32' },
    ...(sourceTokens > 0 && addPrefix(SOURCE, { ...packedTypes(source), bias })),
  };
}

/**
 * Fills a batch: the token before each target predicts it, with weight `weight` in the loss. A sequence's
 * first token is no target, since nothing precedes it.
 */
function fillBatch(
  examples: readonly Example[],
  shape: BatchShape,
  weight: number,
  firstTarget: (example: Example) => number,
): NamedArrays {
  const sequences = examples.map(({ prompt, target }) => ({
    ids: [...prompt, ...target],
    prompt: prompt.length,
  }));
  const targetRows = new Int32Array(shape.targets);
  const targetPlaces = new Int32Array(shape.tokens).fill(shape.targets);
  const targetIds = new Int32Array(shape.targets);
  const targetWeights = new Float32Array(shape.targets);
  const starts = startsOf(
    sequences.map(({ ids }) => ids.length),
    shape,
  );
  let place = 0;
  sequences.forEach(({ ids }, row) => {
    const unlearnt = examples[row]!.endUnlearnt ? ids.length - 1 : undefined;
    for (let i = firstTarget(examples[row]!); i < ids.length; i++) {
      const predictor = starts[row]! + i - 1;
      targetRows[place] = predictor;
      targetPlaces[predictor] = place;
      targetIds[place] = ids[i]!;
      targetWeights[place] = i === unlearnt ? 0 : weight;
      place++;
    }
  });
  const batch = { ...packSequences(sequences, shape), targetRows, targetPlaces, targetIds, targetWeights };
  if (shape.sourceTokens === 0) return batch;
  const read = { rows: shape.rows, length: shape.sourceLength, tokens: shape.sourceTokens };
  const sources = examples.map(({ source = [] }) => ({ ids: source, prompt: source.length }));
  const bias = slotBias(
    sources.map(({ prompt }) => prompt),
    read,
  );
  return { ...batch, ...addPrefix(SOURCE, { ...packSequences(sources, read), bias }) };
}
