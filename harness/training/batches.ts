import type { TokenPair } from '../data/task.ts';
import type { NamedArrays, TensorTypes } from '../engine/types.ts';
import { randomStream } from '../models/random.ts';

/** Sizes of a program: B sequences of T tokens with M targets among them. */
export interface BatchShape {
  readonly rows: number;
  readonly length: number;
  readonly targets: number;
}

export const shapeKey = ({ rows, length, targets }: BatchShape): string => `${rows}x${length}/${targets}`;

const lengthOf = ({ prompt, target }: TokenPair): number => prompt.length + target.length;

/** At most this many sequence lengths get programs of their own. */
const LENGTHS = 5;
/** Tokens that a micro-batch may hold, where the recipe does not say: more leaves the caches, fewer starve the cores. */
const TOKENS = 2048;

/** How examples are cut into micro-batches of few distinct shapes. */
export interface BatchPlan {
  readonly lengths: readonly number[];
  readonly rows: number;
}

/**
 * Chooses the sequence lengths that programs are built for: of all multiples of 4 the few that leave the least padding
 * when every example is padded to the next (dynamic programming over the sorted lengths).
 */
export function planBatches(
  examples: readonly TokenPair[],
  {
    batchSize,
    microBatch,
    positions,
  }: { batchSize: number; microBatch?: number | undefined; positions: number },
): BatchPlan {
  const counts = new Map<number, number>();
  for (const example of examples) {
    const length = Math.min(Math.ceil(lengthOf(example) / 4) * 4, positions);
    counts.set(length, (counts.get(length) ?? 0) + 1);
  }
  const sorted = [...counts.keys()].sort((a, b) => a - b);
  const before = [0];
  for (const length of sorted) before.push(before.at(-1)! + counts.get(length)!);
  // best[k][j]: tokens when the j shortest lengths are served by k programs.
  let best = before.map((_, j) => (j === 0 ? 0 : Infinity));
  const cuts: number[][] = [];
  for (let k = 0; k < Math.min(LENGTHS, sorted.length); k++) {
    const from = best;
    const cut = before.map(() => 0);
    best = before.map((_, j) => {
      let least = j === 0 ? 0 : Infinity;
      for (let i = 0; i < j; i++) {
        const tokens = from[i]! + (before[j]! - before[i]!) * sorted[j - 1]!;
        if (tokens < least) [least, cut[j]] = [tokens, i];
      }
      return least;
    });
    cuts.push(cut);
  }
  const lengths: number[] = [];
  for (let k = cuts.length - 1, j = sorted.length; k >= 0 && j > 0; k--) {
    lengths.unshift(sorted[j - 1]!);
    j = cuts[k]![j]!;
  }
  const fitting = Math.max(1, Math.floor(TOKENS / (lengths.at(-1) ?? 1)));
  const parts = Math.ceil(batchSize / fitting);
  return { lengths, rows: microBatch ?? Math.ceil(batchSize / parts) };
}

/** Cuts a step's examples, whichever they are, by length into micro-batches. */
export function cutMicroBatches(
  examples: readonly TokenPair[],
  { lengths, rows }: BatchPlan,
): { shape: BatchShape; examples: TokenPair[] }[] {
  const sorted = [...examples].sort((a, b) => lengthOf(a) - lengthOf(b));
  const out: { shape: BatchShape; examples: TokenPair[] }[] = [];
  for (let i = 0; i < sorted.length; i += rows) {
    const part = sorted.slice(i, i + rows);
    const longest = lengthOf(part.at(-1)!);
    const length = lengths.find((l) => l >= longest) ?? lengths.at(-1)!;
    const count = part.reduce((sum, example) => sum + targetsWithin(example, length), 0);
    // Targets in steps of an eighth of all positions: few shapes, little waste in the vocabulary's product.
    const unit = Math.max(1, Math.ceil((rows * length) / 8));
    out.push({
      shape: { rows, length, targets: Math.max(1, Math.ceil(count / unit)) * unit },
      examples: part,
    });
  }
  return out;
}

/** Targets of an example that lie within `length` tokens. */
function targetsWithin({ prompt, target }: TokenPair, length: number): number {
  return Math.max(0, Math.min(target.length, length - prompt.length));
}

/** Targets of several examples, after cutting at the longest sequence of the plan. */
export function countTargets(examples: readonly TokenPair[], plan: BatchPlan): number {
  return examples.reduce((sum, example) => sum + targetsWithin(example, plan.lengths.at(-1)!), 0);
}

/** The inputs of a program on a batch. */
export function batchTypes({ rows, length, targets }: BatchShape): TensorTypes {
  const all = rows * length;
  const int = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });
  const mask = { shape: [all, 1], dtype: 'float32' as const };
  return {
    ids: int(all),
    positions: int(all),
    targetRows: int(targets),
    targetPlaces: int(all),
    targetIds: int(targets),
    targetWeights: { shape: [targets], dtype: 'float32' },
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
  };
}

/** Fills a batch: sequences padded on the right, the token before each target predicting it with weight `weight`. */
export function fillBatch(examples: readonly TokenPair[], shape: BatchShape, weight: number): NamedArrays {
  const { rows, length, targets } = shape;
  const all = rows * length;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  const targetRows = new Int32Array(targets);
  const targetPlaces = new Int32Array(all).fill(targets);
  const targetIds = new Int32Array(targets);
  const targetWeights = new Float32Array(targets);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  for (let i = 0; i < all; i++) positions[i] = i % length;
  let place = 0;
  examples.forEach((example, row) => {
    const start = row * length;
    const sequence = [...example.prompt, ...example.target].slice(0, length);
    const prompted = Math.min(example.prompt.length, length);
    ids.set(sequence, start);
    tokens.fill(1, start, start + sequence.length);
    prompt.fill(1, start, start + prompted);
    for (let i = 0; i < prompted; i++) {
      fromStart[start + i] = i;
      fromEnd[start + i] = prompted - 1 - i;
    }
    for (let i = Math.max(1, prompted); i < sequence.length; i++) {
      targetRows[place] = start + i - 1;
      targetPlaces[start + i - 1] = place;
      targetIds[place] = sequence[i]!;
      targetWeights[place] = weight;
      place++;
    }
  });
  return {
    ids,
    positions,
    targetRows,
    targetPlaces,
    targetIds,
    targetWeights,
    tokens,
    prompt,
    fromStart,
    fromEnd,
  };
}

/** The examples of step `step` (from 0): epoch after epoch in an order of its own, the last batch of one cut short. */
export function stepExamples<T>(
  examples: readonly T[],
  batchSize: number,
  seed: number,
): (step: number) => T[] {
  const perEpoch = Math.ceil(examples.length / batchSize);
  let epoch = -1;
  let order = new Int32Array();
  return (step) => {
    const wanted = Math.floor(step / perEpoch);
    if (wanted !== epoch) {
      epoch = wanted;
      order = randomStream(seed, `order/${epoch}`).permutation(examples.length) as Int32Array<ArrayBuffer>;
    }
    const start = (step % perEpoch) * batchSize;
    return Array.from(order.subarray(start, start + batchSize), (i) => examples[i]!);
  };
}
