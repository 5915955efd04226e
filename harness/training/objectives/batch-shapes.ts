/**
 * Cuts examples into micro-batches and chooses the few shapes that programs are compiled for. Both only plan:
 * objectives say how long examples are and fill the batches. The plan decides which dropout masks are drawn,
 * so it must not change.
 */
import { chunk } from 'simple-statistics';
import { randomStream } from '../../support/numbers/random-stream.ts';
import { torchArgsort } from '../../support/numbers/torch-argsort.ts';
import type { BatchShape, Objective } from './objective.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/** Names a shape: in programs' names, in the log, in messages. */
export const shapeKey = ({ rows, length, tokens, targets, sourceLength, sourceTokens }: BatchShape): string =>
  `${rows}x${length}, ${tokens} tokens, ${targets} targets` +
  (sourceTokens > 0 ? `, sources of ${sourceLength}, ${sourceTokens} tokens` : '');

/**
 * Most shapes that get programs of their own, in training and again in evaluation. Each program takes memory,
 * and on devices other than the CPU a copy of the base's weights.
 */
const MOST_SHAPES = { cpu: 8, other: 3 };
/**
 * The cost of compiling one more program, in tokens that could be trained on meanwhile: 300 to 650 in models
 * of 4×128 to 6×384.
 */
const PROGRAM = 512;
/**
 * Most tokens of a micro-batch, where the recipe does not say. More would not fit into the caches; fewer
 * would leave cores idle and sum gradients more often. Text takes fewer, because each target's logits take
 * memory.
 */
export const MICRO_BATCH_TOKENS = { labels: 2048, text: 1024 } as const;

/**
 * Cuts a step's examples, sorted by length, into micro-batches of about equally many tokens. `microBatch`
 * sets the number of examples of each instead; the number of micro-batches is planned as a multiple of
 * `replicas`, which compute them.
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

/**
 * The cost of a shape, in tokens. Attention lays tokens out in slots; a slot is taken to cost a quarter of a
 * token.
 */
const costOf = ({ tokens, sourceTokens, rows, length, sourceLength }: BatchShape): number =>
  tokens + sourceTokens + (rows * (length + sourceLength)) / 4;

/** The least shape that holds batches of all these sizes. */
export function enclosingShape(sizes: readonly BatchShape[]): BatchShape {
  const most = sizeKeys.map((key) => [key, Math.max(...sizes.map((size) => size[key]))] as const);
  return Object.fromEntries(most) as Record<(typeof sizeKeys)[number], number>;
}

/**
 * Chooses the cheapest set of shapes that holds batches of all sizes, cheapest shape first. The last shape
 * holds any mixture of the sizes.
 */
export function planShapes(all: readonly BatchShape[], device: string): BatchShape[] {
  if (all.length === 0) return [];
  // Micro-batches of about equally many tokens hold few long sequences or many short ones, which must not
  // share a shape: order by length. Where all have equally many sequences, order by cost tells them apart.
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

/** The cheapest way to cut sizes, in their order, into at most `most` stretches of one shape each. */
function cutIntoShapes(sizes: readonly BatchShape[], most: number): { cost: number; shapes: BatchShape[] } {
  // Dynamic programming over at most 64 pieces of the sizes: plans[j] are the cheapest for the first j
  // pieces.
  const steps = Math.min(64, sizes.length);
  const ends = Array.from({ length: steps + 1 }, (_, i) => Math.round((i * sizes.length) / steps));
  const pieces = Array.from({ length: steps }, (_, i) => enclosingShape(sizes.slice(ends[i], ends[i + 1])));
  // spans[j][i] is the shape that holds the pieces i to j − 1.
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
 * The examples of each step (from 0). Every epoch has an order of its own, drawn from the seed, and its last
 * batch may be short. `at` gives the examples of an epoch, where they differ between epochs.
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
    const ofStep = Math.floor(step / perEpoch);
    if (ofStep !== epoch) {
      epoch = ofStep;
      examples = at(epoch);
      order = randomStream(seed, `order/${epoch}`).permutation(examples.length) as Int32Array<ArrayBuffer>;
    }
    const start = (step % perEpoch) * batchSize;
    return Array.from(order.subarray(start, start + batchSize), (i) => examples[i]!);
  };
}

/** How many batches are sorted together where the order is that of the file (peft's method_comparison). */
const BUCKET_BATCHES = 20;

/**
 * The examples of each step (from 0) in the file's order, but sorted from long to short within every 20
 * batches, those of equal length in the order of torch.argsort. Every epoch has the same order.
 */
export function bucketedExamples<T>(
  { lengthOf }: Pick<Objective<T>, 'lengthOf'>,
  all: readonly T[],
  batchSize: number,
  at: (epoch: number) => readonly T[] = () => all,
): (step: number) => T[] {
  const perEpoch = Math.ceil(all.length / batchSize);
  let known: { readonly epoch: number; readonly sorted: readonly T[] } | undefined;
  return (step) => {
    const epoch = Math.floor(step / perEpoch);
    if (known?.epoch !== epoch) {
      const buckets = chunk([...at(epoch)], BUCKET_BATCHES * batchSize);
      const sorted = buckets.flatMap((bucket) => torchArgsort(bucket.map(lengthOf)).map((i) => bucket[i]!));
      known = { epoch, sorted };
    }
    const start = (step % perEpoch) * batchSize;
    return known.sorted.slice(start, start + batchSize);
  };
}
