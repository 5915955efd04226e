import type { Tensor } from '../../engine/ops.ts';
import type { NamedArrays, ProgramTensors, TensorTypes } from '../../engine/types.ts';
import type { ModelUse } from '../../models/delta/forward.ts';

/** Sizes of a program. Tokens lie end to end without padding; only attention lays them out as B sequences of T. */
export interface BatchShape {
  /** B */
  readonly rows: number;
  /** T */
  readonly length: number;
  /** N, the tokens of all sequences */
  readonly tokens: number;
  /** M, the terms of the loss */
  readonly targets: number;
  /** T and N of the sources; 0 where there are none */
  readonly sourceLength: number;
  readonly sourceTokens: number;
}

/** What a model is trained for: how its examples become batches, and the loss of a batch. */
export interface Objective<Example> {
  /** The example as the model takes it, cut at the model's last position. */
  cut(example: Example, positions: number): Example;
  /** Tokens of an example, which its cost grows with. */
  readonly lengthOf: (example: Example) => number;
  /** Tokens that a micro-batch may hold, where the recipe does not say. */
  readonly microBatchTokens: number;
  /** Terms of the loss that an example has. */
  readonly targetsOf: (example: Example) => number;
  /** The least shape that holds these examples. */
  readonly sizesOf: (examples: readonly Example[]) => BatchShape;
  /** The inputs of a program. */
  types(shape: BatchShape): TensorTypes;
  /** Fills them; every term of the loss has weight `weight`. */
  fill(examples: readonly Example[], shape: BatchShape, weight: number): NamedArrays;
  /** The weighted sum of the terms and, where examples have answers, these: a row [B, …] for each. */
  loss(x: ProgramTensors, use: ModelUse, shape: BatchShape): { loss: Tensor; answers?: Tensor };
}

/** What a model makes of an example, such as the logits of its classes. */
export interface Answered<Example> {
  readonly example: Example;
  readonly answer: Float32Array;
}
