/**
 * What a family's architecture is (names, shapes and the forward pass), and what goes into a forward pass and
 * comes out of it. The families in families/ make architectures; delta/forward.ts runs them under a method.
 */
import type { Tensor } from '../engine/ops.ts';
import type { Context, Edits, FamilyName, Shapes, Site } from './edits.ts';

/** Name of the output's weight where the output is not the embedding. */
export const ownHeadName = 'lm_head.weight';

/** Name of the weight of Hugging Face's head of classes on a decoder, [outputs, d]. */
export const scoreName = 'score.weight';

/** A model that a config.json describes, in terms that every family shares; `kind` says what it computes. */
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
  /** d */
  readonly width: number;
  /** The width of the embeddings; d where absent. */
  readonly embeddingWidth?: number;
  /** h */
  readonly headWidth: number;
  /** V */
  readonly vocabulary: number;
  /** Positions that the model knows; longer sequences are cut. */
  readonly positions: number;
  /** The input embedding [V, d]. */
  readonly embedding: string;
  /**
   * True where linear weights are stored [out, in] (torch's Linear); false where [in, out] (GPT-2's Conv1D).
   */
  readonly transposed: boolean;
  /**
   * The norm that a post-norm block ends with (BERT); a scale and a shift of the block's output merge into
   * it.
   */
  blockNorm?(block: Site): Site;
  /**
   * The setting of config.json that would give a linear module without a bias one; only Llama has such
   * settings.
   */
  biasSetting?(linear: Site): string | undefined;
  /** How a tensor of a random base is initialised. */
  initial(name: string): { kind: 'normal'; deviation: number } | { kind: 'constant'; value: number };
  /** Other names under which checkpoints may hold a tensor. */
  aliases?(name: string): readonly string[];
  /**
   * Says that a checkpoint's tensor is a buffer that nothing reads; it is ignored silently, as in
   * transformers.
   */
  isBuffer(name: string): boolean;
  /**
   * Says that a checkpoint's tensor belongs to another head, such as that of the pretraining. It is not used,
   * and a run names it. A tensor that is neither this nor a buffer is refused.
   */
  isOtherHead?(name: string): boolean;
}
export interface DecoderOnly extends Decoding {
  readonly kind: 'decoder';
  readonly classifier: DecoderClassifier;
}

/** Hugging Face's …ForSequenceClassification of a decoder: a linear `score` without bias on the last token. */
export interface DecoderClassifier {
  /** What transformers' classes of the family begin with: `GPT2`. */
  readonly className: string;
  /** The `pad_token_id` that transformers assumes where config.json says none; no token where absent. */
  readonly padToken?: number;
}

export interface EncoderOnly extends Encoding, Classifying {
  readonly kind: 'encoder';
}

/** What Hugging Face's head of layers is made of. */
interface Classifying {
  /**
   * Hugging Face's pooler of the first token (BERT, ALBERT). It is no part of `shapes`, since only one head reads
   * it.
   */
  readonly pooler?: Shapes;
  /** Hugging Face's head. */
  readonly classifier: Classifier;
  /** The deviation with which the head's weights start, from config.json. */
  readonly deviation: number;
}

/** An architecture whose classes come from a head of layers; a decoder's come from one linear. */
export type ClassifyingArchitecture = Extract<Architecture, Classifying>;

/** Hugging Face's …ForSequenceClassification: output(dropout(norm(activation(dense(x))))), x the pooled states. */
export interface Classifier {
  /** What transformers' classes of the family begin with: `Bert`. */
  readonly className: string;
  /** Whether it reads the first token, the mean, or the decoder at the last end token (an encoder-decoder's). */
  readonly pooling: 'first' | 'mean' | 'end';
  /** The first layer's module, d → d, and whether it has a bias. */
  readonly dense: string;
  readonly denseBias: boolean;
  /** Whether the first layer is a pretrained pooler, which belongs to the base. */
  readonly isPooler: boolean;
  readonly activation: 'tanh' | 'relu' | 'gelu';
  /** A layer norm behind the activation. */
  readonly norm?: { readonly name: string; readonly epsilon: number; readonly bias: boolean };
  /** The output's module, d → n, which has a bias. */
  readonly output: 'classifier' | 'classifier.out_proj' | 'classification_head.out_proj';
  /** The dropout rate before the output, and whether the first layer's input has the same. */
  readonly dropout: number;
  readonly dropsInput: boolean;
}

export interface EncoderDecoder extends Encoding, Decoding, Classifying {
  readonly kind: 'encoder-decoder';
  /** The token that stands before every target. */
  readonly startToken: number;
  /** The `eos_token_id` that transformers assumes where config.json says none. */
  readonly endToken: number;
  /** What the base's names begin with in transformers' classifier, and nowhere else (T5: `transformer.`). */
  readonly classifierRoot?: string;
}

/** What a base's names begin with in transformers' classifier and nowhere else; '' for most families. */
export const classifierRootOf = (architecture: Architecture): string =>
  (architecture.kind === 'encoder-decoder' ? architecture.classifierRoot : undefined) ?? '';

interface Decoding {
  /** The output weight [V, d]: `ownHeadName` or the embedding. */
  readonly head: string;
  /** Whether config.json allows the output to be the embedding; a checkpoint's tensors then decide. */
  readonly mayTie: boolean;
  /** Factor of the states before the output (T5), which a head of classes does not have. */
  readonly outputScale?: number;
  /** Bound c of the logits z, which become c · tanh(z / c); none where absent. */
  readonly logitCap?: number;
  /**
   * A bias of the logits, [1, V] (BART). A checkpoint may hold it, otherwise it is 0; it is no parameter, and nothing
   * trains it.
   */
  readonly outputBias?: string;
  /** Computes hidden states after the final norm, [N, d], or [R, d] of those in `outputRows`. */
  decode(model: ModelTensors, batch: DecoderBatch): DecoderStates;
}
interface Encoding {
  /** Computes hidden states after the last norm, [N, d], or [R, d] of those in `outputRows`. */
  encode(model: ModelTensors, batch: EncoderBatch): EncoderStates;
}

/** The tensors that programs hold of a base: its parameters `shapes`, and a bias of the logits that is none. */
export function heldShapes(architecture: Architecture, shapes: Shapes = architecture.shapes): Shapes {
  const bias = architecture.kind === 'encoder' ? undefined : architecture.outputBias;
  return bias === undefined ? shapes : { ...shapes, [bias]: [1, architecture.vocabulary] };
}

/**
 * Whether the weight of a module is stored [outputs, inputs]. A norm's is a diagonal matrix of one number for
 * each output.
 */
export function isTransposed({ transposed }: Pick<Architecture, 'transposed'>, { kind }: Site): boolean {
  return kind === 'linear' ? transposed : kind !== 'embedding';
}

/** The base's tensors by name, and a method's edits of the forward pass. */
export interface ModelTensors {
  weight(name: string): Tensor;
  readonly edits: Edits;
  readonly context: Context;
  /** True where the base's own dropout acts. */
  readonly dropout: boolean;
  /**
   * The same with the context's masks of the output rows, the only ones that are read after the last
   * attention.
   */
  only(outputRows: OutputRows): ModelTensors;
}

/** Keys and values of earlier tokens, a pair for each layer, [B, kvHeads, P, h] each. */
export interface Past {
  readonly keys: readonly Tensor[];
  readonly values: readonly Tensor[];
  /** [B, 1, 1, P]: 0 where a slot is filled, a large negative number elsewhere. */
  readonly bias: Tensor;
  /** The positions of the tokens in the slots, [1 or B, 1, 1, P] float32; the slots' numbers where absent. */
  places?(): Tensor;
  /** Keys and values of G prompts, which stand before the slots; each serves B / G successive sequences. */
  readonly prompt?: Past;
  /** Keys and values of G sources for cross attention; each serves B / G successive sequences. */
  readonly source?: Past;
}

/**
 * Maps tokens that lie end to end, [N, …], to the slots of attention, [B·T, …], and back; see ops.selectRows.
 */
export interface Packing {
  readonly slotTokens: Tensor;
  readonly slotPlaces: Tensor;
  readonly tokenSlots: Tensor;
  readonly tokenPlaces: Tensor;
}

/** The R of N tokens whose states after the last layer are read; see ops.selectRows. */
export interface OutputRows {
  /** [R] int32 */
  readonly rows: Tensor;
  /** [N] int32 */
  readonly places: Tensor;
}

export interface DecoderBatch {
  /** B */
  readonly batch: number;
  /** T, slots of each sequence; 1 where there is a past. */
  readonly length: number;
  /** [N] int32; N is B·T where nothing is packed */
  readonly ids: Tensor;
  /** [N] int32 */
  readonly positions: Tensor;
  readonly packing?: Packing | undefined;
  /** All rows where absent; always absent where there is a past. */
  readonly outputRows?: OutputRows;
  /** Added to the attention scores, broadcastable to [B, 1, T, T]; causal where absent. */
  readonly bias?: Tensor;
  readonly past?: Past;
  /**
   * Tokens that all sequences begin with, a pair for each layer; a method's prefix and virtual tokens are
   * among them, and `bias` covers them, [B, 1, T, l + T]. Only decoder-only families take them.
   */
  readonly beginning?: readonly PrefixStates[];
  /** How many queries attend at once; then no token may see a later one. Absent: all of them. */
  readonly queriesAtOnce?: number;
  /** What cross attention reads; where there is a past, it holds the source. */
  readonly source?: Source;
}

/** An encoder's states of the sources, one source for each sequence of the decoder. */
export interface Source extends Pick<EncoderBatch, 'length' | 'packing' | 'bias'> {
  readonly states: EncoderStates;
}

export interface EncoderBatch {
  /** B */
  readonly batch: number;
  /** T, slots of each sequence. */
  readonly length: number;
  /** [N] int32; N is B·T where nothing is packed */
  readonly ids: Tensor;
  /** [N] int32, from 0; the family adds the offset of its position table. */
  readonly positions: Tensor;
  /** [N] int32: which text of a pair a token belongs to; 0 where absent. Only BERT reads it. */
  readonly tokenTypes?: Tensor;
  readonly packing?: Packing | undefined;
  /** All rows where absent. */
  readonly outputRows?: OutputRows;
  /** [B, 1, 1, T]: 0 where a slot holds a token, a large negative number elsewhere. */
  readonly bias: Tensor;
}

export interface EncoderStates {
  /** [N, d] or [R, d] */
  readonly hidden: Tensor;
  /**
   * [B·l, d]: states of a method's l virtual tokens before each sequence, where all rows are read. Unlike a
   * decoder's, these tokens see the sequence.
   */
  readonly virtual?: Tensor;
}

/** Keys and values of a prefix that every sequence sees before its own, [l, kvHeads·h] each. */
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
  /**
   * Keys and values of a method's prefix and virtual tokens, one entry for each layer; empty where it has
   * none.
   */
  readonly prefixes: readonly PrefixStates[];
  /**
   * Keys and values of the source's slots, virtual tokens first, a pair for each layer, [B·(l + T), H·h]
   * each.
   */
  readonly source?: Pick<Past, 'keys' | 'values'>;
}
