/**
 * Packs sequences end to end, so that no operation but attention computes padding: the inputs of a program,
 * and their values. Objectives use it, pretraining's too; families read the inputs as `Packing`.
 */
import type { NamedArrays, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { Packing } from '../../models/architecture.ts';
import { MASKED } from '../../models/families/parts/layers.ts';
import type { BatchShape } from './objective.ts';

/** Sizes of packed sequences: B of at most T tokens, N in all. */
export type PackedShape = Pick<BatchShape, 'rows' | 'length' | 'tokens'>;

/**
 * Whether the batch has a token's place for every slot: tokens then lie in attention's layout, and none is
 * moved.
 */
const isFull = ({ rows, length, tokens }: PackedShape): boolean => tokens === rows * length;

/** The index of each sequence's first token. */
export function startsOf(lengths: readonly number[], shape: PackedShape): number[] {
  let end = 0;
  return lengths.map((length, row) => {
    const start = isFull(shape) ? row * shape.length : end;
    end += length;
    return start;
  });
}

const ints = (n: number): TensorTypes[string] => ({ shape: [n], dtype: 'int32' });

/** The inputs of a program on packed sequences. */
export function packedTypes(shape: PackedShape): TensorTypes {
  const { rows, length, tokens } = shape;
  const mask = { shape: [tokens, 1], dtype: 'float32' as const };
  return {
    ids: ints(tokens),
    positions: ints(tokens),
    ...(!isFull(shape) && {
      slotTokens: ints(rows * length),
      slotPlaces: ints(rows * length),
      tokenSlots: ints(tokens),
      tokenPlaces: ints(tokens),
    }),
    tokens: mask,
    prompt: mask,
    fromStart: mask,
    fromEnd: mask,
  };
}

/** A sequence to pack: its first `prompt` tokens are the prompt; positions count from 0 where absent. */
interface PackedSequence {
  readonly ids: readonly number[];
  readonly prompt: number;
  readonly positions?: readonly number[];
}

/** Lays sequences end to end, or each in its row. */
export function packSequences(sequences: readonly PackedSequence[], shape: PackedShape): NamedArrays {
  const { rows, length, tokens: all } = shape;
  const slots = rows * length;
  const ids = new Int32Array(all);
  const positions = new Int32Array(all);
  // The slot of each token, and the token of each slot. `…Tokens` and `…Slots` are indices to read from, 0
  // where there is nothing; `…Places` are where a gradient comes back from, one past the end where there is
  // none.
  const slotTokens = new Int32Array(slots);
  const slotPlaces = new Int32Array(slots).fill(all);
  const tokenSlots = new Int32Array(all);
  const tokenPlaces = new Int32Array(all).fill(slots);
  const tokens = new Float32Array(all);
  const prompt = new Float32Array(all);
  const fromStart = new Float32Array(all).fill(-1);
  const fromEnd = new Float32Array(all).fill(-1);
  const starts = startsOf(
    sequences.map(({ ids }) => ids.length),
    shape,
  );
  sequences.forEach((sequence, row) => {
    sequence.ids.forEach((id, i) => {
      const [token, slot] = [starts[row]! + i, row * length + i];
      ids[token] = id;
      positions[token] = sequence.positions?.[i] ?? i;
      slotTokens[slot] = slotPlaces[slot] = token;
      tokenSlots[token] = tokenPlaces[token] = slot;
      tokens[token] = 1;
      if (i < sequence.prompt) {
        prompt[token] = 1;
        fromStart[token] = i;
        fromEnd[token] = sequence.prompt - 1 - i;
      }
    });
  });
  const packing = isFull(shape) ? undefined : { slotTokens, slotPlaces, tokenSlots, tokenPlaces };
  return { ids, positions, ...packing, tokens, prompt, fromStart, fromEnd };
}

/** Attention's bias of packed sequences, [B, 1, 1, T]: 0 where a slot holds a token, MASKED elsewhere. */
export function slotBias(lengths: readonly number[], { rows, length }: PackedShape): Float32Array {
  const bias = new Float32Array(rows * length).fill(MASKED);
  lengths.forEach((count, row) => bias.fill(0, row * length, row * length + count));
  return bias;
}

/**
 * The packing among a program's inputs whose names begin with `prefix`; undefined where every slot has a
 * token.
 */
export function packingOf({ inputs }: ProgramTensors, prefix = ''): Packing | undefined {
  const at = (name: keyof Packing): Packing[typeof name] => inputs[prefix + name]!;
  if (!(`${prefix}slotTokens` in inputs)) return undefined;
  return {
    slotTokens: at('slotTokens'),
    slotPlaces: at('slotPlaces'),
    tokenSlots: at('tokenSlots'),
    tokenPlaces: at('tokenPlaces'),
  };
}
