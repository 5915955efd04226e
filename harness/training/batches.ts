import type { TokenPair } from '../data/task.ts';
import type { NamedArrays, TensorTypes } from '../engine/types.ts';
import { randomStream } from '../models/random.ts';

/** Sizes of a program. Tokens lie end to end without padding; only attention lays them out as B sequences of T. */
export interface BatchShape {
  /** B */
  readonly rows: number;
  /** T */
  readonly length: number;
  /** N, the tokens of all sequences */
  readonly tokens: number;
  /** M, the targets among them */
  readonly targets: number;
}

export const shapeKey = ({ rows, length, tokens, targets }: BatchShape): string =>
  `${rows}x${length}, ${tokens} tokens, ${targets} targets`;

/** At most this many shapes get programs of their own in training, and as many in evaluation. */
const SHAPES = 3;
/** Tokens that a micro-batch may hold, where the recipe does not say: more leaves the caches, fewer starve the cores. */
const TOKENS = 1024;

const lengthOf = ({ prompt, target }: TokenPair): number => prompt.length + target.length;
const sum = (list: readonly number[]): number => list.reduce((total, n) => total + n, 0);

/** Cuts an example at the model's last position. */
export function cutExample({ prompt, target }: TokenPair, positions: number): TokenPair {
  return {
    prompt: prompt.slice(0, positions),
    target: target.slice(0, Math.max(0, positions - prompt.length)),
  };
}

/** Targets of an example: a sequence's first token is predicted by nothing. */
export const targetsOf = ({ prompt, target }: TokenPair): number =>
  target.length - (prompt.length === 0 && target.length > 0 ? 1 : 0);

/** Cuts a step's examples, whichever they are, by length into micro-batches of about equally many tokens. */
export function cutMicroBatches(examples: readonly TokenPair[], microBatch?: number): TokenPair[][] {
  const sorted = [...examples].sort((a, b) => lengthOf(a) - lengthOf(b));
  const all = sum(sorted.map(lengthOf));
  const share = all / Math.ceil(all / TOKENS);
  const parts: TokenPair[][] = [];
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

function sizesOf(examples: readonly TokenPair[]): BatchShape {
  const lengths = examples.map(lengthOf);
  return {
    rows: examples.length,
    length: Math.max(1, ...lengths),
    tokens: Math.max(1, sum(lengths)),
    targets: Math.max(1, sum(examples.map(targetsOf))),
  };
}

/** Chooses few shapes that hold all the micro-batches given and leave the least of them empty. */
export function planShapes(batches: readonly (readonly TokenPair[])[]): BatchShape[] {
  const sizes = batches.map(sizesOf).sort((a, b) => a.tokens - b.tokens);
  // Dynamic programming over the sorted token counts, of at most 64 steps: least[j] holds the tokens computed for the
  // j smallest when the shapes so far serve them, each as large as the largest that it serves.
  const steps = Math.min(64, sizes.length);
  const ends = Array.from({ length: steps + 1 }, (_, i) => Math.round((i * sizes.length) / steps));
  let least = ends.map((_, j) => (j === 0 ? 0 : Infinity));
  const cuts: number[][] = [];
  for (let shape = 0; shape < SHAPES; shape++) {
    const before = least;
    const cut = ends.map(() => 0);
    least = ends.map((end, j) => {
      let best = j === 0 ? 0 : Infinity;
      for (let i = 0; i < j; i++) {
        const tokens = before[i]! + (end - ends[i]!) * sizes[end - 1]!.tokens;
        if (tokens < best) [best, cut[j]] = [tokens, i];
      }
      return best;
    });
    cuts.push(cut);
  }
  const shapes: BatchShape[] = [];
  for (let k = SHAPES - 1, j = steps; k >= 0 && j > 0; k--) {
    const i = cuts[k]![j]!;
    const group = sizes.slice(ends[i], ends[j]);
    const most = (key: keyof BatchShape): number => Math.max(...group.map((size) => size[key]));
    shapes.unshift({
      rows: most('rows'),
      length: most('length'),
      tokens: most('tokens'),
      targets: most('targets'),
    });
    j = i;
  }
  // The last shape takes whatever the others cannot.
  const whole = (key: keyof BatchShape): number => Math.max(...sizes.map((size) => size[key]));
  return sizes.length === 0
    ? []
    : [...shapes.slice(0, -1), { rows: whole('rows'), length: whole('length'), tokens: whole('tokens'), targets: whole('targets') }]; // prettier-ignore
}

/** The smallest planned shape that holds the examples. */
export function fittingShape(examples: readonly TokenPair[], shapes: readonly BatchShape[]): BatchShape {
  const size = sizesOf(examples);
  const keys = ['rows', 'length', 'tokens', 'targets'] as const;
  const found = shapes.find((shape) => keys.every((key) => shape[key] >= size[key]));
  if (!found) throw new RangeError(`no planned shape holds a batch of ${shapeKey(size)}`);
  return found;
}

/** The inputs of a program on a batch. */
export function batchTypes({ rows, length, tokens, targets }: BatchShape): TensorTypes {
  const int = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });
  const mask = { shape: [tokens, 1], dtype: 'float32' as const };
  return {
    ids: int(tokens),
    positions: int(tokens),
    slotTokens: int(rows * length),
    slotPlaces: int(rows * length),
    tokenSlots: int(tokens),
    tokenPlaces: int(tokens),
    targetRows: int(targets),
    targetPlaces: int(tokens),
    targetIds: int(targets),
    targetWeights: { shape: [targets], dtype: 'float32' },
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
  };
}

/** Fills a batch; the token before each target predicts it with weight `weight`. */
export function fillBatch(examples: readonly TokenPair[], shape: BatchShape, weight: number): NamedArrays {
  const { rows, length, tokens: all, targets } = shape;
  const slots = rows * length;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  // Where a token stands among the slots and back: as an index to read from (0 where there is nothing), and as the
  // place that a gradient comes back from (one past the end where there is none).
  const slotTokens = new Int32Array(slots);
  const slotPlaces = new Int32Array(slots).fill(all);
  const tokenSlots = new Int32Array(all);
  const tokenPlaces = new Int32Array(all).fill(slots);
  const targetRows = new Int32Array(targets);
  const targetPlaces = new Int32Array(all).fill(targets);
  const targetIds = new Int32Array(targets);
  const targetWeights = new Float32Array(targets);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  let token = 0;
  let place = 0;
  examples.forEach((example, row) => {
    const sequence = [...example.prompt, ...example.target];
    sequence.forEach((id, i) => {
      const slot = row * length + i;
      ids[token] = id;
      positions[token] = i;
      slotTokens[slot] = slotPlaces[slot] = token;
      tokenSlots[token] = tokenPlaces[token] = slot;
      tokens[token] = 1;
      if (i < example.prompt.length) {
        prompt[token] = 1;
        fromStart[token] = i;
        fromEnd[token] = example.prompt.length - 1 - i;
      } else if (i > 0) {
        targetRows[place] = token - 1;
        targetPlaces[token - 1] = place;
        targetIds[place] = id;
        targetWeights[place] = weight;
        place++;
      }
      token++;
    });
  });
  const layout = { slotTokens, slotPlaces, tokenSlots, tokenPlaces };
  return { ids, positions, ...layout, targetRows, targetPlaces, targetIds, targetWeights, tokens, prompt, fromStart, fromEnd }; // prettier-ignore
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
