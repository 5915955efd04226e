import type { Tensor } from '../engine/ops.ts';
import type { Context, Edits, FamilyName, Shapes, Site } from './edits.ts';

/** The output's weight where it is not the embedding. */
export const ownHeadName = 'lm_head.weight';

/**
 * What config.json says about a model, in the terms that every family shares; its kind says what it computes.
 */
export type Architecture = ArchitectureBase & (DecoderOnly | EncoderOnly | EncoderDecoder);

interface ArchitectureBase {
  readonly family: FamilyName;
  readonly sites: readonly Site[];
  /** Every tensor of the base, tied ones once, under Hugging Face's names. */
  readonly shapes: Shapes;
  readonly layers: number;
  readonly heads: number;
  /** Heads of keys and values; fewer than `heads` where several queries share them. */
  readonly kvHeads: number;
  /** d, h = headWidth, V */
  readonly width: number;
  readonly headWidth: number;
  readonly vocabulary: number;
  /** Positions that the model knows; longer sequences are cut. */
  readonly positions: number;
  /** The input embedding [V, d]. */
  readonly embedding: string;
  /** Whether linear weights are stored [out, in] (torch's Linear) or [in, out] (GPT-2's Conv1D). */
  readonly transposed: boolean;
  /**
   * The norm that a block ends with, where it does (BERT): what scales and shifts the block's output fits
   * into it.
   */
  blockNorm?(block: Site): Site;
  /**
   * The setting of config.json that gives a linear module the bias that it lacks, where there is one (Llama).
   */
  biasSetting?(linear: Site): string | undefined;
  /** How base tensors are initialised where a random base is made. */
  initial(name: string): { kind: 'normal'; deviation: number } | { kind: 'constant'; value: number };
  /** Other names that checkpoints give a tensor, where they do. */
  aliases?(name: string): readonly string[];
  /**
   * Whether a tensor of a checkpoint is a buffer that is not needed, which transformers passes over without a
   * word, too.
   */
  isBuffer(name: string): boolean;
  /**
   * Whether it belongs to a head that others put on such a base: it is not used, and named; what is neither
   * is refused.
   */
  isOtherHead?(name: string): boolean;
}
export interface DecoderOnly extends Decoding {
  readonly kind: 'decoder';
}
export interface EncoderOnly extends Encoding {
  readonly kind: 'encoder';
  /**
   * Hugging Face's pooler of the first token, where it has one: no part of `shapes`, for only its head uses
   * it.
   */
  readonly pooler?: Shapes;
  /** What Hugging Face's head takes from config.json: its dropout and the deviation of its first weights. */
  readonly classifierDropout: number;
  readonly deviation: number;
}
export interface EncoderDecoder extends Encoding, Decoding {
  readonly kind: 'encoder-decoder';
  /** The token that stands before every target. */
  readonly startToken: number;
}
interface Decoding {
  /** The output weight [V, d]: `ownHeadName` or the embedding. */
  readonly head: string;
  /** Whether config.json allows the output to be the embedding; a checkpoint's tensors then decide. */
  readonly mayTie: boolean;
  /** Computes hidden states after the final norm, [N, d], or [R, d] of those in `outputRows`. */
  decode(model: ModelTensors, batch: DecoderBatch): DecoderStates;
}
interface Encoding {
  /** Computes hidden states after the last norm, [N, d], or [R, d] of those in `outputRows`. */
  encode(model: ModelTensors, batch: EncoderBatch): EncoderStates;
}

/** The tensors of a forward pass: the base's by name, and how a method changes their use. */
export interface ModelTensors {
  weight(name: string): Tensor;
  readonly edits: Edits;
  readonly context: Context;
  /** Whether the base's own dropout acts. */
  readonly dropout: boolean;
  /** The same for the output rows alone: behind the last attention no other is read, nor virtual ones. */
  only(outputRows: OutputRows): ModelTensors;
}

/** Keys and values of earlier tokens, a pair for each layer, [B, kvHeads, P, h] each. */
export interface Past {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** [B, 1, 1, P]: 0 where a slot is filled, a large negative number elsewhere. */
  readonly bias: Tensor;
  /** What cross attention reads, of G sources; each serves B / G successive sequences. */
  readonly source?: Past;
}

/**
 * The way between tokens that lie end to end, [N, …], and the slots of attention, [B·T, …]; see selectRows.
 */
export interface Packing {
  readonly slotTokens: Tensor;
  readonly slotPlaces: Tensor;
  readonly tokenSlots: Tensor;
  readonly tokenPlaces: Tensor;
}

/** R of N tokens, whose states after the last layer are all that is read; see selectRows. */
export interface OutputRows {
  /** [R] int32 */
  readonly rows: Tensor;
  /** [N] int32 */
  readonly places: Tensor;
}

export interface DecoderBatch {
  /** B, and T tokens each; T is 1 where there is a past. */
  readonly batch: number;
  readonly length: number;
  /** [N] int32; N is B·T where nothing is packed */
  readonly ids: Tensor;
  /** [N] int32 */
  readonly positions: Tensor;
  readonly packing?: Packing | undefined;
  /** All where absent, as behind a past. */
  readonly outputRows?: OutputRows;
  /** Added to the attention scores, broadcastable to [B, 1, T, T]; causal where absent. */
  readonly bias?: Tensor;
  readonly past?: Past;
  /** What cross attention reads, where there is one; behind a past it stands there. */
  readonly source?: Source;
}

/** What an encoder made of the sources, one for each sequence of a decoder. */
export interface Source extends Pick<EncoderBatch, 'length' | 'packing' | 'bias'> {
  readonly states: EncoderStates;
}

export interface EncoderBatch {
  /** B, and at most T tokens each */
  readonly batch: number;
  readonly length: number;
  /** [N] int32; N is B·T where nothing is packed */
  readonly ids: Tensor;
  /** [N] int32, from 0; the family adds what its table is shifted by */
  readonly positions: Tensor;
  /** [N] int32: which part of a pair, where the family knows parts; 0 where absent */
  readonly tokenTypes?: Tensor;
  readonly packing?: Packing | undefined;
  /** All where absent. */
  readonly outputRows?: OutputRows;
  /** [B, 1, 1, T]: 0 where a slot holds a token, a large negative number elsewhere. */
  readonly bias: Tensor;
}

export interface EncoderStates {
  /** [N, d] or [R, d] */
  readonly hidden: Tensor;
  /**
   * [B·l, d]: a method's l virtual tokens before each sequence, where it has them and all are wanted; unlike
   * a decoder's they see the sequence.
   */
  readonly virtual?: Tensor;
}

/** Keys and values that every sequence sees before its own, [l, kvHeads·h] each. */
export interface PrefixStates {
  readonly key: Tensor;
  readonly value: Tensor;
}

export interface DecoderStates {
  /** [N, d] or [R, d] */
  readonly hidden: Tensor;
  /** Keys and values of these tokens, a pair for each layer, [N, kvHeads·h] each. */
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** Those of a method's prefix and virtual tokens, one for each layer or none. */
  readonly prefixes: readonly PrefixStates[];
  /**
   * Keys and values of the source's slots, virtual tokens first, a pair for each layer, [B·(l + T), H·h]
   * each.
   */
  readonly source?: Pick<Past, 'keys' | 'values'>;
}
