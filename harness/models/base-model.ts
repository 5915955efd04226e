/** What a base model is to everything that attaches to it, trains it or decodes with it. */
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { FileLocation, FloatType, PackedArray, StoredArray, Shape } from '../engine/types.ts';
import type { Architecture } from './architecture.ts';
import type { BaseWeights } from './bases/base-weights.ts';
import type { FamilyName, Site, Shapes } from './edits.ts';
import type { HeadName } from './head-names.ts';

/**
 * A base model: its sites and shapes are known when it is opened; its values are read when a program needs
 * them.
 */
export interface BaseModel {
  /** The name by which it was opened: a built-in name, a hub id, a folder, `random-gpt2~…`. */
  readonly id: string;
  readonly family: FamilyName;
  /** Config.json as read. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The family's reading of config.json. */
  readonly architecture: Architecture;
  readonly sites: readonly Site[];
  readonly shapes: Shapes;
  /**
   * Names of a checkpoint's tensors that nothing reads, such as another model's head; without buffers and
   * copies.
   */
  readonly unused?: readonly string[];
  /** The tokens with which what it writes must begin and end, where its files say so. */
  readonly forcedTokens?: ForcedTokens;
  /** Present where its checkpoint is a classifier's without the output weight, so that it predicts no tokens. */
  readonly lacksOutput?: true;
  /** The head of a classifier that its checkpoint holds. */
  readonly head?: StoredHead;
  /** The layers before the output of the family's head, where the checkpoint has them and no output (ModernBERT). */
  readonly headLayers?: HeadTensors;
  /** How the weights of linear modules are kept; float32 where absent. */
  readonly weights?: BaseWeights;
  /** A weight that is kept packed; undefined where it is not. `tensor` gives the numbers that it stands for. */
  packed?(name: string): Promise<PackedArray | undefined>;
  /** A float32 tensor in a file whose numbers were checked when it was written; undefined for others. */
  mapped?(name: string): Promise<StoredArray | undefined>;
  /** Throws UsageError where the checkpoint lacks the tensor or gives it another shape. */
  tensor(name: string): Promise<Float32Array>;
  /** Where a tensor lies on disk in this type (float32); undefined where no file holds it so. */
  location(name: string, type?: FloatType): FileLocation | undefined;
  /** The folder of its files; a random base has none. */
  folder?(): Promise<string>;
  tokenizer(): Promise<Tokenizer>;
  /** A hash of the weights' values. */
  hash(): Promise<string>;
}

/**
 * The first new token of every text, and the last one of a text that has as many tokens as it may; as transformers'
 * forced_bos_token_id and forced_eos_token_id.
 */
export interface ForcedTokens {
  readonly first?: number | undefined;
  readonly last?: number | undefined;
}

/** The parts of a base model that depend on its source; `baseModel` adds what follows from the architecture. */
type BaseParts = Omit<BaseModel, 'family' | 'sites' | 'shapes' | 'location'> &
  Partial<Pick<BaseModel, 'location'>>;

/**
 * The only place where a base model is put together. Tensors lie nowhere on disk unless `location` is given.
 */
export function baseModel(parts: BaseParts): BaseModel {
  const { family, sites, shapes } = parts.architecture;
  return { location: () => undefined, ...parts, family, sites, shapes };
}

/** Tensors of a head that a file holds, under transformers' names. */
export interface HeadTensors {
  shape(name: string): Shape | undefined;
  tensor(name: string): Promise<Float32Array>;
}

/** The head of a classifier that a checkpoint or an adapter holds. */
export interface StoredHead extends HeadTensors {
  /**
   * The head that computes as it was trained: `mean`, or `huggingface` (on RoBERTa the tensors of `paper`).
   */
  readonly name: HeadName;
  /** Classes, or 1 for a value */
  readonly outputs: number;
  /** The names of the classes in the order of the outputs; absent where they are only numbered. */
  readonly labels?: readonly string[];
  /** transformers' problem_type; absent where config.json does not say it. */
  readonly problem?: string;
}
