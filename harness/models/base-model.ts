/** What a base model is to everything that attaches to it, trains it or decodes with it. */
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { FileLocation, Shape } from '../engine/types.ts';
import type { Architecture } from './architecture.ts';
import type { FamilyName, Site, Shapes } from './edits.ts';
import type { HeadName } from './head-names.ts';

/** A base model: its places and shapes are known when it is opened, values are read when training starts. */
export interface BaseModel {
  /** As it was asked for: a built-in name, a hub id, a folder, `random-gpt2~…`. */
  readonly id: string;
  readonly family: FamilyName;
  /** Config.json as read, and what the family makes of it. */
  readonly config: Readonly<Record<string, unknown>>;
  readonly architecture: Architecture;
  readonly sites: readonly Site[];
  readonly shapes: Shapes;
  /**
   * Names of a checkpoint's tensors that are not used, such as another model's head; buffers and copies left
   * out.
   */
  readonly unused?: readonly string[];
  /** The head of a classifier, which its checkpoint brings. */
  readonly head?: StoredHead;
  /** Throws UsageError where the checkpoint lacks the tensor or gives it another shape. */
  tensor(name: string): Promise<Float32Array>;
  /** Where a float32 tensor lies on disk, if it does. */
  location(name: string): FileLocation | undefined;
  /** Where its files lie; a random base has none. */
  folder?(): Promise<string>;
  tokenizer(): Promise<Tokenizer>;
  /** Identifies the weights' values. */
  hash(): Promise<string>;
}

/** The head of a classifier that a checkpoint or an adapter brings, its tensors under transformers' names. */
export interface StoredHead {
  /**
   * What reads it as it was trained: `mean`, or `huggingface`, whose tensors on RoBERTa are those of `paper`.
   */
  readonly name: HeadName;
  /** Classes, or 1 for a value */
  readonly outputs: number;
  /** What the classes are called, in the order of the outputs; absent where they are only numbered. */
  readonly labels?: readonly string[];
  /** transformers' problem_type, where config.json says it. */
  readonly problem?: string;
  shape(name: string): Shape | undefined;
  tensor(name: string): Promise<Float32Array>;
}
