/**
 * The interface of objectives, between the training loop and classification, language modelling and
 * pretraining.
 */
import type { Tensor } from '../../engine/ops.ts';
import type { NamedArrays, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { ModelUse } from '../../models/delta/forward.ts';

/**
 * The sizes of a batch. Tokens lie end to end without padding; attention alone lays them out as B sequences
 * of T.
 */
export interface BatchShape {
  /** B: the number of sequences */
  readonly rows: number;
  /** T: tokens of the longest sequence */
  readonly length: number;
  /** N: the tokens of all sequences */
  readonly tokens: number;
  /** M: the terms of the loss */
  readonly targets: number;
  /** T and N of the sources that an encoder reads; 0 where there are none */
  readonly sourceLength: number;
  readonly sourceTokens: number;
}

/** What a model is trained to do: how examples become batches, and the loss of a batch. */
export interface Objective<Example> {
  /** The example as the model takes it, cut at the model's last position. */
  cut(example: Example, positions: number): Example;
  /** The examples of a step as they are learnt together; where absent, each as it is. */
  readonly together?: (examples: readonly Example[]) => Example[];
  /** The number of tokens of an example; its cost grows with it. */
  readonly lengthOf: (example: Example) => number;
  /** Most tokens of a micro-batch, where the recipe does not say. */
  readonly microBatchTokens: number;
  /** The number of terms that an example adds to the loss. */
  readonly targetsOf: (example: Example) => number;
  /** The least shape that holds these examples. */
  readonly sizesOf: (examples: readonly Example[]) => BatchShape;
  /** The inputs of a program for a batch of this shape. */
  types(shape: BatchShape): TensorTypes;
  /** Values of those inputs; every term of the loss has weight `weight`. */
  fill(examples: readonly Example[], shape: BatchShape, weight: number): NamedArrays;
  /**
   * Inside a program: the weighted sum of the loss's terms, and the answers [B, …], where examples have them.
   */
  loss(x: ProgramTensors, use: ModelUse, shape: BatchShape): { loss: Tensor; answers?: Tensor };
}

/** A model's answer to an example, such as the logits of its classes. */
export interface Answered<Example> {
  readonly example: Example;
  readonly answer: Float32Array;
}
