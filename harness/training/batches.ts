import type { TokenPair } from '../data/task.ts';
import type { NamedArrays, TensorTypes } from '../engine/types.ts';
import type { Architecture } from '../models/family.ts';
import { MASKED } from '../models/layers.ts';
import { randomStream } from '../models/random.ts';
import { SOURCE } from '../models/run-model.ts';

/** What a decoder sees and predicts, and what an encoder reads before it, where there is one. */
export interface Example extends TokenPair {
  readonly source?: readonly number[];
}

/** An example as a model takes it: an encoder-decoder reads the prompt, and its decoder begins with the start token. */
export function exampleFor(architecture: Architecture, pair: TokenPair): Example {
  return architecture.kind === 'encoder-decoder'
    ? { source: pair.prompt, prompt: [architecture.startToken], target: pair.target }
    : pair;
}

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
  /** T and N of the sources; 0 where there are none */
  readonly sourceLength: number;
  readonly sourceTokens: number;
}

export const shapeKey = ({ rows, length, tokens, targets, sourceLength, sourceTokens }: BatchShape): string =>
  `${rows}x${length}, ${tokens} tokens, ${targets} targets` +
  (sourceTokens > 0 ? `, sources of ${sourceLength}, ${sourceTokens} tokens` : '');

/** At most this many shapes get programs of their own in training, and as many in evaluation. */
const SHAPES = 3;
/** Tokens that a micro-batch may hold, where the recipe does not say: more leaves the caches, fewer starve the cores. */
const TOKENS = 1024;

/** Tokens of an example. */
export const lengthOf = ({ prompt, target, source = [] }: Example): number =>
  prompt.length + target.length + source.length;
const sum = (list: readonly number[]): number => list.reduce((total, n) => total + n, 0);

/** Cuts an example at the model's last position. */
export function cutExample({ prompt, target }: TokenPair, positions: number): TokenPair {
  return {
    prompt: prompt.slice(0, positions),
    target: target.slice(0, Math.max(0, positions - prompt.length)),
  };
}

/** Targets of an example: a sequence's first token is predicted by nothing. */
export const targetsOf = ({ prompt, target }: Example): number =>
  target.length - (prompt.length === 0 && target.length > 0 ? 1 : 0);

/** Cuts a step's examples, whichever they are, by length into micro-batches of about equally many tokens. */
export function cutMicroBatches(examples: readonly Example[], microBatch?: number): Example[][] {
  const sorted = [...examples].sort((a, b) => lengthOf(a) - lengthOf(b));
  const all = sum(sorted.map(lengthOf));
  const share = all / Math.ceil(all / TOKENS);
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

function sizesOf(examples: readonly Example[]): BatchShape {
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

const sizeKeys = ['rows', 'length', 'tokens', 'targets', 'sourceLength', 'sourceTokens'] as const;
const allTokens = ({ tokens, sourceTokens }: BatchShape): number => tokens + sourceTokens;

/** The shape that holds all of these. */
function around(sizes: readonly BatchShape[]): BatchShape {
  const most = sizeKeys.map((key) => [key, Math.max(...sizes.map((size) => size[key]))] as const);
  return Object.fromEntries(most) as Record<(typeof sizeKeys)[number], number>;
}

/** Chooses few shapes that hold all the micro-batches given and leave the least of them empty. */
export function planShapes(batches: readonly (readonly Example[])[]): BatchShape[] {
  const sizes = batches.map(sizesOf).sort((a, b) => allTokens(a) - allTokens(b));
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
        const tokens = before[i]! + (end - ends[i]!) * allTokens(sizes[end - 1]!);
        if (tokens < best) [best, cut[j]] = [tokens, i];
      }
      return best;
    });
    cuts.push(cut);
  }
  const shapes: BatchShape[] = [];
  for (let k = SHAPES - 1, j = steps; k >= 0 && j > 0; k--) {
    const i = cuts[k]![j]!;
    shapes.unshift(around(sizes.slice(ends[i], ends[j])));
    j = i;
  }
  // The last shape takes whatever the others cannot.
  return sizes.length === 0 ? [] : [...shapes.slice(0, -1), around(sizes)];
}

/** The smallest planned shape that holds the examples. */
export function fittingShape(examples: readonly Example[], shapes: readonly BatchShape[]): BatchShape {
  const size = sizesOf(examples);
  const found = shapes.find((shape) => sizeKeys.every((key) => shape[key] >= size[key]));
  if (!found) throw new RangeError(`no planned shape holds a batch of ${shapeKey(size)}`);
  return found;
}

const ints = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });

/** The inputs of a program on packed sequences. */
export function packedTypes({ rows, length, tokens }: PackedShape): TensorTypes {
  const mask = { shape: [tokens, 1], dtype: 'float32' as const };
  return {
    ids: ints(tokens),
    positions: ints(tokens),
    slotTokens: ints(rows * length),
    slotPlaces: ints(rows * length),
    tokenSlots: ints(tokens),
    tokenPlaces: ints(tokens),
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
  };
}

/** The inputs of a program on a batch. */
export function batchTypes(shape: BatchShape): TensorTypes {
  const { rows, tokens, targets, sourceLength, sourceTokens } = shape;
  const source = { rows, length: sourceLength, tokens: sourceTokens };
  const bias = { shape: [rows, 1, 1, sourceLength], dtype: 'float32' as const };
  return {
    ...packedTypes(shape),
    targetRows: ints(targets),
    targetPlaces: ints(tokens),
    targetIds: ints(targets),
    targetWeights: { shape: [targets], dtype: 'float32' },
    ...(sourceTokens > 0 && inSource({ ...packedTypes(source), bias })),
  };
}

const inSource = <T>(inputs: Readonly<Record<string, T>>): Record<string, T> =>
  Object.fromEntries(Object.entries(inputs).map(([name, input]) => [SOURCE + name, input]));

/** Sizes of packed sequences: B of at most T tokens, N in all. */
export type PackedShape = Pick<BatchShape, 'rows' | 'length' | 'tokens'>;

/** Lays sequences end to end; the first `prompt` tokens of each are its prompt. */
export function packSequences(
  sequences: readonly { readonly ids: readonly number[]; readonly prompt: number }[],
  { rows, length, tokens: all }: PackedShape,
): NamedArrays {
  const slots = rows * length;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  // Where a token stands among the slots and back: as an index to read from (0 where there is nothing), and as the
  // place that a gradient comes back from (one past the end where there is none).
  const slotTokens = new Int32Array(slots);
  const slotPlaces = new Int32Array(slots).fill(all);
  const tokenSlots = new Int32Array(all);
  const tokenPlaces = new Int32Array(all).fill(slots);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  let token = 0;
  sequences.forEach((sequence, row) => {
    sequence.ids.forEach((id, i) => {
      const slot = row * length + i;
      ids[token] = id;
      positions[token] = i;
      slotTokens[slot] = slotPlaces[slot] = token;
      tokenSlots[token] = tokenPlaces[token] = slot;
      tokens[token] = 1;
      if (i < sequence.prompt) {
        prompt[token] = 1;
        fromStart[token] = i;
        fromEnd[token] = sequence.prompt - 1 - i;
      }
      token++;
    });
  });
  return { ids, positions, slotTokens, slotPlaces, tokenSlots, tokenPlaces, tokens, prompt, fromStart, fromEnd }; // prettier-ignore
}

/** [B, 1, 1, T]: 0 where a slot holds a token of packed sequences, MASKED elsewhere. */
export function slotBias(lengths: readonly number[], { rows, length }: PackedShape): Float32Array {
  const bias = new Float32Array(rows * length).fill(MASKED);
  lengths.forEach((count, row) => bias.fill(0, row * length, row * length + count));
  return bias;
}

/** Fills a batch; the token before each target predicts it with weight `weight`. */
export function fillBatch(examples: readonly Example[], shape: BatchShape, weight: number): NamedArrays {
  const sequences = examples.map(({ prompt, target }) => ({ ids: [...prompt, ...target], prompt: prompt.length })); // prettier-ignore
  const targetRows = new Int32Array(shape.targets);
  const targetPlaces = new Int32Array(shape.tokens).fill(shape.targets);
  const targetIds = new Int32Array(shape.targets);
  const targetWeights = new Float32Array(shape.targets);
  let token = 0;
  let place = 0;
  for (const { ids, prompt } of sequences) {
    ids.forEach((id, i) => {
      if (i >= prompt && i > 0) {
        targetRows[place] = token - 1;
        targetPlaces[token - 1] = place;
        targetIds[place] = id;
        targetWeights[place] = weight;
        place++;
      }
      token++;
    });
  }
  const batch = { ...packSequences(sequences, shape), targetRows, targetPlaces, targetIds, targetWeights };
  if (shape.sourceTokens === 0) return batch;
  const read = { rows: shape.rows, length: shape.sourceLength, tokens: shape.sourceTokens };
  const sources = examples.map(({ source = [] }) => ({ ids: source, prompt: source.length }));
  const bias = slotBias(sources.map(({ prompt }) => prompt), read); // prettier-ignore
  return { ...batch, ...inSource({ ...packSequences(sources, read), bias }) };
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
