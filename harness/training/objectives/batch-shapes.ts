import { randomStream } from '../../support/random-stream.ts';
import type { BatchShape, Objective } from './objective.ts';
import { sum } from '../../support/arithmetic.ts';

export const shapeKey = ({ rows, length, tokens, targets, sourceLength, sourceTokens }: BatchShape): string =>
  `${rows}x${length}, ${tokens} tokens, ${targets} targets` +
  (sourceTokens > 0 ? `, sources of ${sourceLength}, ${sourceTokens} tokens` : '');

/**
 * So many shapes get programs of their own in training, and as many in evaluation, at most: each takes memory, and on another
 * device than the CPU a copy of the base's weights.
 */
const MOST_SHAPES = { cpu: 8, other: 3 };
/** What one more program costs, in tokens: models of 4×128 to 6×384 train on 300 to 650 while it compiles. */
const PROGRAM = 512;
/**
 * Tokens that a micro-batch may hold, where the recipe does not say: more leave the caches, fewer starve the cores and sum
 * gradients more often. Where text is written, each target's logits take memory.
 */
export const MICRO_BATCH_TOKENS = { labels: 2048, text: 1024 } as const;

/**
 * Cuts a step's examples, whichever they are, by length into micro-batches of about equally many tokens, a multiple of
 * `replicas` that compute them.
 */
export function cutMicroBatches<Example>(
  { lengthOf, microBatchTokens }: Pick<Objective<Example>, 'lengthOf' | 'microBatchTokens'>,
  examples: readonly Example[],
  microBatch?: number,
  replicas = 1,
): Example[][] {
  const sorted = [...examples].sort((a, b) => lengthOf(a) - lengthOf(b));
  const all = sum(sorted.map(lengthOf));
  const share = all / (replicas * Math.ceil(all / (replicas * microBatchTokens)));
  const parts: Example[][] = [];
  let filled = 0;
  for (const example of sorted) {
    const last = parts.at(-1);
    const full = microBatch ? last?.length === microBatch : filled >= share * parts.length;
    if (!last || full) parts.push([example]);
    else last.push(example);
    filled += lengthOf(example);
  }
  return parts;
}

const sizeKeys = ['rows', 'length', 'tokens', 'targets', 'sourceLength', 'sourceTokens'] as const;

/** What a shape costs, in tokens: attention lays them out in slots, of which those that hold nothing cost something, too. */
const costOf = ({ tokens, sourceTokens, rows, length, sourceLength }: BatchShape): number =>
  tokens + sourceTokens + (rows * (length + sourceLength)) / 4;

/** The shape that holds all of these. */
export function enclosingShape(sizes: readonly BatchShape[]): BatchShape {
  const most = sizeKeys.map((key) => [key, Math.max(...sizes.map((size) => size[key]))] as const);
  return Object.fromEntries(most) as Record<(typeof sizeKeys)[number], number>;
}

/**
 * Chooses shapes that hold batches of all the sizes given and cost the least, cheapest first; behind them one that holds
 * what any mixture of the sizes asks for.
 */
export function planShapes(all: readonly BatchShape[], device: string): BatchShape[] {
  if (all.length === 0) return [];
  // Micro-batches of about equally many tokens hold few long sequences or many short ones, which must not share a shape;
  // where all have as many sequences, their numbers of tokens tell them apart.
  const orders = [(size: BatchShape): number => size.length + size.sourceLength, costOf];
  const most = device === 'cpu' ? MOST_SHAPES.cpu : MOST_SHAPES.other;
  const plans = orders.map((order) =>
    cutIntoShapes(
      [...all].sort((a, b) => order(a) - order(b)),
      most,
    ),
  );
  const { shapes } = plans.reduce((least, plan) => (plan.cost < least.cost ? plan : least));
  return [...shapes.sort((a, b) => costOf(a) - costOf(b)), enclosingShape(shapes)];
}

/** The cheapest way to cut sizes in this order into runs of one shape each, `most` at most. */
function cutIntoShapes(sizes: readonly BatchShape[], most: number): { cost: number; shapes: BatchShape[] } {
  // Dynamic programming over at most 64 pieces of the sizes: plans[j] are the cheapest for the first j pieces.
  const steps = Math.min(64, sizes.length);
  const ends = Array.from({ length: steps + 1 }, (_, i) => Math.round((i * sizes.length) / steps));
  const pieces = Array.from({ length: steps }, (_, i) => enclosingShape(sizes.slice(ends[i], ends[i + 1])));
  // The shape that serves the pieces from i to before j.
  const spans = ends.map((_, j) => pieces.slice(0, j).map((_, i) => enclosingShape(pieces.slice(i, j))));
  const none = { cost: Infinity, shapes: [] as BatchShape[] };
  let plans = ends.map((_, j) => (j === 0 ? { ...none, cost: 0 } : none));
  for (let count = 0; count < most; count++) {
    const fewer = plans;
    plans = ends.map((end, j) =>
      spans[j]!.reduce((least, span, i) => {
        const { cost, shapes } = fewer[i]!;
        const total = cost + PROGRAM + (end - ends[i]!) * costOf(span);
        return total < least.cost ? { cost: total, shapes: [...shapes, span] } : least;
      }, fewer[j]!),
    );
  }
  return plans.at(-1)!;
}

/** The smallest planned shape that holds a batch of this size. */
export function fittingShape(size: BatchShape, shapes: readonly BatchShape[]): BatchShape {
  const found = shapes.find((shape) => sizeKeys.every((key) => shape[key] >= size[key]));
  if (!found) throw new RangeError(`no planned shape holds a batch of ${shapeKey(size)}`);
  return found;
}

/**
 * The examples of step `step` (from 0): epoch after epoch in an order of its own, the last batch of one cut short. `at` gives
 * them as an epoch sees them, where that differs.
 */
export function stepExamples<T>(
  all: readonly T[],
  batchSize: number,
  seed: number,
  at: (epoch: number) => readonly T[] = () => all,
): (step: number) => T[] {
  const perEpoch = Math.ceil(all.length / batchSize);
  let epoch = -1;
  let examples: readonly T[] = [];
  let order = new Int32Array();
  return (step) => {
    const wanted = Math.floor(step / perEpoch);
    if (wanted !== epoch) {
      epoch = wanted;
      examples = at(epoch);
      order = randomStream(seed, `order/${epoch}`).permutation(examples.length) as Int32Array<ArrayBuffer>;
    }
    const start = (step % perEpoch) * batchSize;
    return Array.from(order.subarray(start, start + batchSize), (i) => examples[i]!);
  };
}
