import type { NamedArrays, ProgramTensors, TensorTypes } from '../engine/types.ts';
import type { Packing } from '../models/family.ts';
import { MASKED } from '../models/layers.ts';
import type { BatchShape } from './objective.ts';

/** Sizes of packed sequences: B of at most T tokens, N in all. */
export type PackedShape = Pick<BatchShape, 'rows' | 'length' | 'tokens'>;

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

/** The packing that a program's inputs hold, under names that begin with `prefix`. */
export function packingOf({ inputs }: ProgramTensors, prefix = ''): Packing {
  const at = (name: keyof Packing): Packing[typeof name] => inputs[prefix + name]!;
  return { slotTokens: at('slotTokens'), slotPlaces: at('slotPlaces'), tokenSlots: at('tokenSlots'), tokenPlaces: at('tokenPlaces') }; // prettier-ignore
}
