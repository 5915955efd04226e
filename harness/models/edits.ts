import type { Random } from '../support/random-stream.ts';
import type { Tensor } from '../engine/ops.ts';
import type { Shape } from '../engine/types.ts';

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
 * How a method changes the forward pass. Activations are [N, d]: the tokens of all sequences end to end, and
 * behind the last attention only those whose states are read. So an edit makes a row of that row alone, and
 * edits are made once for each N, with the context's masks of these rows.
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
   * [l, d] embeddings of virtual tokens before the input, without positions; they are the last rows of
   * activations: l in a decoder, where they see no sequence, l for each of the B sequences in an encoder.
   */
  prompt?(stack: 'encoder' | 'decoder'): Tensor | undefined;
  /** Keys and values before those of the input, [l, kvHeads · headDim] each; site of role 'attention'. */
  prefix?(site: Site): { key: Tensor; value: Tensor } | undefined;
}
