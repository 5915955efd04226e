import type { Tensor } from '../engine/ops.ts';
import type { Context, Edits, FamilyName, Shapes, Site } from './types.ts';

/** What config.json says about a model, in the terms that every family shares. */
export interface Architecture {
  readonly family: FamilyName;
  readonly sites: readonly Site[];
  /** Every tensor of the base, tied ones once, under Hugging Face's names. */
  readonly shapes: Shapes;
  readonly layers: number;
  readonly heads: number;
  /** d, h = headWidth, V */
  readonly width: number;
  readonly headWidth: number;
  readonly vocabulary: number;
  /** Positions that the model knows; longer sequences are cut. */
  readonly positions: number;
  /** The input embedding [V, d]. */
  readonly embedding: string;
  /** The output weight [V, d]. */
  readonly head: string;
  /** Whether linear weights are stored [out, in] (torch's Linear) or [in, out] (GPT-2's Conv1D). */
  readonly transposed: boolean;
  /** How base tensors are initialised where a random base is made. */
  initial(name: string): { kind: 'normal'; deviation: number } | { kind: 'constant'; value: number };
  /** Computes hidden states after the final norm, [N, d]. */
  decode(model: ModelTensors, batch: DecoderBatch): DecoderStates;
}

/** The tensors of a forward pass: the base's by name, and how a method changes their use. */
export interface ModelTensors {
  weight(name: string): Tensor;
  readonly edits: Edits;
  readonly context: Context;
  /** Whether the base's own dropout acts. */
  readonly dropout: boolean;
}

/** Keys and values of earlier tokens, a pair for each layer, [B, H, P, h] each. */
export interface Past {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** [B, 1, 1, P]: 0 where a slot is filled, a large negative number elsewhere. */
  readonly bias: Tensor;
}

/** The way between tokens that lie end to end, [N, …], and the slots of attention, [B·T, …]; see selectRows. */
export interface Packing {
  readonly slotTokens: Tensor;
  readonly slotPlaces: Tensor;
  readonly tokenSlots: Tensor;
  readonly tokenPlaces: Tensor;
}

export interface DecoderBatch {
  /** B, and T tokens each; T is 1 where there is a past. */
  readonly batch: number;
  readonly length: number;
  /** [N] int32; N is B·T where nothing is packed */
  readonly ids: Tensor;
  /** [N] int32 */
  readonly positions: Tensor;
  readonly packing?: Packing;
  /** Added to the attention scores, broadcastable to [B, 1, T, T]; causal where absent. */
  readonly bias?: Tensor;
  readonly past?: Past;
}

/** Keys and values that every sequence sees before its own, [l, d] each. */
export interface Ahead {
  readonly key: Tensor;
  readonly value: Tensor;
}

export interface DecoderStates {
  /** [N, d] */
  readonly hidden: Tensor;
  /** Keys and values of these tokens, a pair for each layer, [N, d] each. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** Those of a method's prefix and virtual tokens, one for each layer or none. */
  readonly ahead: readonly Ahead[];
}
