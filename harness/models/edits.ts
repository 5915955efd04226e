/**
 * Where a method may act on a base (sites), what it may know while a program is built (context), and what it
 * may do (edits). Methods see these types through harness/method.ts; they must not depend on a family.
 */
import type { Random } from '../support/numbers/random-stream.ts';
import type { Tensor } from '../engine/ops.ts';
import type { Shape } from '../engine/types.ts';

export type { Shape, Tensor, Random };
export type Shapes = Readonly<Record<string, Shape>>;
export type Tensors = Readonly<Record<string, Tensor>>;
/** Values of tensors on the host, by name. */
export type Values = Readonly<Record<string, Float32Array>>;
export type FamilyName =
  | 'albert'
  | 'bart'
  | 'bert'
  | 'deberta-v2'
  | 'distilbert'
  | 'electra'
  | 'gemma2'
  | 'gemma3_text'
  | 'gpt2'
  | 'gpt_neox'
  | 'llama'
  | 'mistral'
  | 'modernbert'
  | 'mt5'
  | 'olmo2'
  | 'opt'
  | 'phi3'
  | 'qwen2'
  | 'qwen3'
  | 'roberta'
  | 'smollm3'
  | 'starcoder2'
  | 't5'
  | 'xlm-roberta';

/** A place of the forward pass where a method may act. */
export interface Site {
  /** `embedding`: a table of `inputs` rows. `head`: the linear module that gives a decoder's scores. */
  readonly kind: 'linear' | 'norm' | 'sublayer' | 'block' | 'embedding' | 'head';
  readonly role:
    | 'wordEmbedding'
    | 'positionEmbedding'
    | 'tokenTypeEmbedding'
    | 'embeddingProjection'
    | 'query'
    | 'key'
    | 'value'
    | 'queryKeyValue'
    | 'positionKey'
    | 'positionQuery'
    | 'attentionOutput'
    | 'mlpUp'
    | 'mlpGate'
    | 'mlpGateUp'
    | 'mlpOutput'
    | 'pooler'
    | 'embeddingNorm'
    | 'relativeNorm'
    | 'attentionNorm'
    | 'queryNorm'
    | 'keyNorm'
    | 'attentionOutputNorm'
    | 'mlpNorm'
    | 'mlpOutputNorm'
    | 'finalNorm'
    | 'attention'
    | 'mlp'
    | 'block'
    | 'head';
  readonly stack: 'encoder' | 'decoder';
  readonly attention?: 'self' | 'cross';
  /** The layer within its stack; −1 before the first, the number of layers after the last. */
  readonly layer: number;
  /** Hugging Face's module path; the module's tensors are `<name>.weight` and `<name>.bias`. */
  readonly name: string;
  readonly inputs: number;
  readonly outputs: number;
  readonly bias: boolean;
  /** The weight's name where it is not `<name>.weight`, since several modules share it. */
  readonly shared?: string;
  /** What a norm adds to its weight, as Gemma's do; 0 where absent. */
  readonly offset?: number;
}

/** The name of a module's weight. */
export const weightName = ({ name, shared }: Site): string => shared ?? `${name}.weight`;

/** Whether a site is a module with a weight: no output of a sublayer or a block. */
export const hasWeight = ({ kind }: Site): boolean => kind !== 'sublayer' && kind !== 'block';

/** What a method may know while a program is being built. */
export interface Context {
  readonly training: boolean;
  readonly stack: 'encoder' | 'decoder';
  /** Inverted dropout, whose mask the host draws from the stream `name`; the identity in evaluation. */
  dropout(x: Tensor, rate: number, name: string): Tensor;
  /** The mask of `dropout` alone; undefined where nothing would be dropped. */
  dropoutMask(shape: Shape, rate: number, name: string): Tensor | undefined;
  /** Numbers uniform in [0, 1), which the host draws from the stream `name`; undefined in evaluation. */
  uniform(shape: Shape, name: string): Tensor | undefined;
  /** Optimiser steps done, a scalar. */
  readonly step: Tensor;
  readonly totalSteps: number;
  /** [N, 1]: 1 for real tokens, 0 for padding. */
  readonly tokens: Tensor;
  /** [N, 1]: 1 for tokens of the prompt, 0 elsewhere. */
  readonly prompt: Tensor;
  /** [N, 1]: index within the prompt, counted from its start; −1 outside it. */
  readonly fromStart: Tensor;
  /** [N, 1]: index within the prompt, counted from its end; −1 outside it. */
  readonly fromEnd: Tensor;
}

/** The weights of a linear module. */
export interface LinearModule {
  /** As the checkpoint stores it. Of a packed base, reading it unpacks the whole matrix: `product` does not. */
  readonly W: Tensor;
  readonly b?: Tensor;
  /** What the module makes of x [N, inputs] without its bias, [N, outputs]. */
  product(x: Tensor): Tensor;
}

/**
 * How a method changes the forward pass. Activations are [N, d], the tokens of all sequences end to end;
 * after the last attention N counts only the rows whose states are read. An edit must be row-wise: row i of
 * its output may depend on row i of its input only. Edits are built once for each N, with the context's masks
 * of these rows.
 */
export interface Edits {
  /**
   * What modules read in place of a tensor of the base, which is trained or frozen; undefined where it stays.
   * It costs memory of the tensor's size in training: outputs of modules are edited more cheaply.
   */
  tensor?(name: string, value: Tensor): Tensor | undefined;
  /** Linear modules and the head. */
  linear?(
    site: Site,
    module: LinearModule,
  ): { input?(x: Tensor): Tensor; output?(y: Tensor, x: Tensor): Tensor } | undefined;
  /** Edits the rows [N, d] that are read at ids [N] of an embedding's table [inputs, d]. */
  embedding?(site: Site, table: Tensor): ((rows: Tensor, ids: Tensor) => Tensor) | undefined;
  /** `x` is the module's input, `y` the output of its last linear, before dropout and residual. */
  sublayer?(site: Site): { output?(y: Tensor, x: Tensor): Tensor } | undefined;
  norm?(y: Tensor, site: Site): Tensor;
  block?(h: Tensor, site: Site): Tensor;
  /**
   * Embeddings [l, d] of virtual tokens before the input, without positions. They are the last rows of
   * activations: l rows in a decoder, where they see no sequence; l rows for each of the B sequences in an
   * encoder.
   */
  prompt?(stack: 'encoder' | 'decoder'): Tensor | undefined;
  /** Keys and values before those of the input, [l, kvHeads·h] each; the site has the role 'attention'. */
  prefix?(site: Site): { key: Tensor; value: Tensor } | undefined;
}
