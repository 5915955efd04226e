import type { ZodType } from 'zod';
import type { Tensor } from '../engine/ops.ts';
import type { FileLocation, Shape } from '../engine/types.ts';
import type { Tokenizer } from '../data/tokenizers/tokenizer.ts';
import type { Architecture } from './architecture.ts';
import type { Random } from '../support/random-stream.ts';
import type { StoredHead } from './bases/stored-head.ts';

export type { Shape, Tensor, Random };
export type Shapes = Readonly<Record<string, Shape>>;
export type Tensors = Readonly<Record<string, Tensor>>;
/** Values of tensors on the host, by name. */
export type Values = Readonly<Record<string, Float32Array>>;
export type FamilyName = 'gpt2' | 'roberta' | 'bert' | 't5' | 'llama';

/** A place of the forward pass where a method may act. */
export interface Site {
  readonly kind: 'linear' | 'norm' | 'sublayer' | 'block';
  readonly role:
    | 'query'
    | 'key'
    | 'value'
    | 'queryKeyValue'
    | 'attentionOutput'
    | 'mlpUp'
    | 'mlpGate'
    | 'mlpOutput'
    | 'pooler'
    | 'embeddingNorm'
    | 'attentionNorm'
    | 'mlpNorm'
    | 'finalNorm'
    | 'attention'
    | 'mlp'
    | 'block';
  readonly stack: 'encoder' | 'decoder';
  readonly attention?: 'self' | 'cross';
  /** Within its stack; -1 for embeddingNorm, the number of layers for finalNorm and pooler. */
  readonly layer: number;
  /** Hugging Face module path; its tensors are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
}

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
  /** Names of a checkpoint's tensors that are not used, such as another model's head; buffers and copies left out. */
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

/** A tensor that a method adds. */
export interface TensorSpec {
  readonly shape: Shape;
  init(random: Random, base: BaseModel): Float32Array | Promise<Float32Array>;
  /** 0 exempts it from the recipe's weight decay. */
  readonly weightDecay?: 0;
  /** Factor on the recipe's learning rate. */
  readonly learningRate?: number;
}

/** The heads that an encoder may have (heads.ts). */
export const headNames = ['paper', 'huggingface', 'mean'] as const;
export type HeadName = (typeof headNames)[number];

/** What a method may know while a program is being built. */
export interface Context {
  readonly training: boolean;
  readonly stack: 'encoder' | 'decoder';
  /** Inverted dropout, its mask drawn on the host; the identity in evaluation. */
  dropout(x: Tensor, rate: number, name: string): Tensor;
  /** The mask alone; undefined where nothing would be dropped. */
  dropoutMask(shape: Shape, rate: number, name: string): Tensor | undefined;
  /** Optimiser steps done, a scalar. */
  readonly step: Tensor;
  readonly totalSteps: number;
  /** [N, 1], 0/1: real tokens. */
  readonly tokens: Tensor;
  /** [N, 1], 0/1: tokens of the prompt. */
  readonly prompt: Tensor;
  /** [N, 1] index within the prompt from its start and from its end, -1 outside it. */
  readonly fromStart: Tensor;
  readonly fromEnd: Tensor;
}

/** The weights of a linear module; `W` as the checkpoint stores it. */
export interface LinearModule {
  readonly W: Tensor;
  readonly b?: Tensor;
}

/**
 * How a method changes the forward pass. Activations are [N, d]: the tokens of all sequences end to end, and behind the last
 * attention only those whose states are read. So an edit makes a row of that row alone, and edits are made once for each N,
 * with the context's masks of these rows.
 */
export interface Edits {
  linear?(
    site: Site,
    module: LinearModule,
  ): { input?(x: Tensor): Tensor; output?(y: Tensor, x: Tensor): Tensor } | undefined;
  /** `x` is what the module receives, `y` what its last linear returns, before dropout and residual. */
  sublayer?(site: Site): { output?(y: Tensor, x: Tensor): Tensor } | undefined;
  norm?(y: Tensor, site: Site): Tensor;
  block?(h: Tensor, site: Site): Tensor;
  /**
   * [l, d] embeddings of virtual tokens before the input, without positions; they are the last rows of activations: l
   * in a decoder, where they see no sequence, l for each of the B sequences in an encoder.
   */
  prompt?(stack: 'encoder' | 'decoder'): Tensor | undefined;
  /** Keys and values before those of the input, [l, kvHeads · headDim] each; site of role 'attention'. */
  prefix?(site: Site): { key: Tensor; value: Tensor } | undefined;
}

/**
 * An edit of a module that is an affine map, as numbers: x → input ⊙ x before the module and y → scale ⊙ (y + up down x) +
 * shift after it. What is absent does nothing.
 */
export interface AffineEdit {
  /** [inputs] */
  readonly input?: Float32Array;
  /** up [outputs, r] and down [r, inputs]; a function, so that they are made only when the module's turn comes. */
  readonly low?: () => { readonly up: Float32Array; readonly down: Float32Array };
  /** [outputs], or made of the base's weight + up down, which lies as the checkpoint stores it. */
  readonly scale?: Float32Array | ((weight: Float32Array) => Float32Array);
  /** Whether the base's own bias stands outside of what is scaled. */
  readonly aroundBias?: boolean;
  /** [outputs] */
  readonly shift?: Float32Array;
}

/** What a method adds to a base model. */
export interface Delta {
  readonly trained: Readonly<Record<string, TensorSpec>>;
  readonly frozen?: Readonly<Record<string, TensorSpec>>;
  /** Checkpointed, not trained, not counted. */
  readonly state?: Readonly<Record<string, TensorSpec>>;
  /** Virtual tokens, `edits.prompt`'s rows and `edits.prefix`'s, 0 where absent: they take positions of the base. */
  readonly promptLength?: number;
  readonly prefixLength?: number;
  /** Whether edits depend on where a prompt starts and ends: only then may they read the context's prompt, fromStart and fromEnd. */
  readonly readsPrompt?: true;
  /** Which of the base's own tensors are trained. */
  unfreezes?(tensor: string, owner: Site | undefined): boolean;
  /** `x`: trained, frozen and state by name. */
  edits?(x: Tensors, context: Context): Edits;
  penalty?(x: Tensors): Tensor;
  /** Part of the program, after the optimiser; returns the tensors that change. */
  update?(x: Tensors, gradients: Tensors, progress: { step: Tensor; totalSteps: number }): Tensors;
  /** Whether it is `update` that put a trained tensor back to where it began; `x`: trained and state by name, at the end. */
  putsBack?(name: string, x: Values): boolean;
  /**
   * What `edits` does to a site outside of training, in numbers, so that it can be merged into the base's weights; absent
   * where it is no affine map of linear modules, norms and blocks. `x`: the values of trained, frozen and state by name.
   */
  merge?(x: Values): (site: Site) => readonly AffineEdit[];
}

/** One PEFT method: a file in methods/ that exports it as default, under its file's name. */
export interface Method<Options = unknown> {
  readonly name: string;
  /** As the papers print it. */
  readonly label: string;
  readonly paper: string;
  /** What it computes, in one line and its paper's letters. */
  readonly formula?: string;
  readonly options: ZodType<Options>;
  /** Named variants: what they set. */
  readonly ablations?: Readonly<Record<string, Partial<Options>>>;
  /** Hyper-parameters (recipe keys) that suit it where no recipe says otherwise. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  attach(base: BaseModel, options: Options): Delta;
}

/** Types a method's definition; the identity otherwise. */
export function defineMethod<Options>(method: Method<Options>): Method<Options> {
  return method;
}

/** How many of the base's positions a method takes before the input. */
export function virtualTokens({ promptLength, prefixLength }: Delta): number {
  return (promptLength ?? 0) + (prefixLength ?? 0);
}
