/** What a PEFT method is: what it adds to a base model, and how its edits merge into weights. */
import type { z } from 'zod';
import type { BaseModel } from './base-model.ts';
import type { Shape, Random, Values, Tensors, Tensor, Site, Edits, Context } from './edits.ts';

/** A tensor that a method adds. */
export interface TensorSpec {
  readonly shape: Shape;
  init(random: Random, base: BaseModel): Float32Array | Promise<Float32Array>;
  /** 0 exempts it from the recipe's weight decay. */
  readonly weightDecay?: 0;
  /** Factor on the recipe's learning rate. */
  readonly learningRate?: number;
  /** True where the base alone determines a frozen tensor, so that an adapter's files may leave it out. */
  readonly fromBase?: boolean;
}

/**
 * An edit of a module that is an affine map, as numbers: x → input ⊙ x before the module, and
 * y → scale ⊙ (y + (up down + change) x) + shift after it. An absent part does nothing.
 */
export interface AffineEdit {
  /** In place of the base's weight, laid out as the checkpoint stores it; the edit does nothing else then. */
  readonly weight?: Float32Array;
  /**
   * [inputs], or any other linear map of the input: a function from a weight [outputs, inputs] to the weight
   * that takes the map with it.
   */
  readonly input?: Float32Array | ((weight: Float32Array) => Float32Array);
  /**
   * up [outputs, r] and down [r, inputs]; a function, so that they exist only while their module is merged.
   */
  readonly low?: () => { readonly up: Float32Array; readonly down: Float32Array };
  /**
   * Added to the weight, [outputs, inputs], and a function of the base's; for changes that are no product of
   * narrow matrices.
   */
  readonly change?: (weight: Float32Array) => Float32Array;
  /**
   * [outputs], or a function of the base's weight + up down, which is laid out as the checkpoint stores it.
   */
  readonly scale?: Float32Array | ((weight: Float32Array) => Float32Array);
  /** True where the base's own bias is not scaled. */
  readonly aroundBias?: boolean;
  /** [outputs] */
  readonly shift?: Float32Array;
}

/** What a method adds to a base model. */
export interface Delta {
  readonly trained: Readonly<Record<string, TensorSpec>>;
  readonly frozen?: Readonly<Record<string, TensorSpec>>;
  /** Frozen tensors that the method's options determine: no file holds them, each program's owner makes them. */
  readonly derived?: Readonly<Record<string, TensorSpec>>;
  /** Tensors that `update` changes: they are in checkpoints, but neither trained by gradients nor counted. */
  readonly state?: Readonly<Record<string, TensorSpec>>;
  /** Rows of `edits.prompt`, 0 where absent; they take positions of the base. */
  readonly promptLength?: number;
  /** Rows of `edits.prefix`, 0 where absent; they take positions of the base. */
  readonly prefixLength?: number;
  /**
   * Edits read where a prompt starts and ends: only then may they use the context's prompt, fromStart and
   * fromEnd.
   */
  readonly readsPrompt?: true;
  /**
   * Says which of the base's own tensors are trained; `owner` is the site of the module that has the tensor.
   */
  unfreezes?(tensor: string, owner: Site | undefined): boolean;
  /** `x`: trained, frozen, derived and state tensors by name. */
  edits?(x: Tensors, context: Context): Edits;
  /** The names of the base's tensors that `edits.tensor` changes; they cannot be packed. */
  readonly edited?: ReadonlySet<string>;
  /** Added to the loss while training, []. */
  penalty?(x: Tensors): Tensor;
  /** Runs in the program of a step, after the optimiser; returns the tensors that change. */
  update?(x: Tensors, gradients: Tensors, progress: { step: Tensor; totalSteps: number }): Tensors;
  /**
   * True where `update` itself returned a trained tensor to its initial value; `x`: trained and state at the
   * end.
   */
  putsBack?(name: string, x: Values): boolean;
  /**
   * What `edits` does to a site outside of training, in numbers, so that it can be merged into the base's
   * weights. Absent where it is no affine map of linear modules, norms and blocks. `x`: values of trained,
   * frozen and state by name.
   */
  merge?(x: Values): (site: Site) => readonly AffineEdit[];
  /** What `edits.tensor` makes of a tensor outside of training, in numbers; with `merge` alone. */
  mergeTensor?(x: Values): (name: string, value: Float32Array) => Float32Array;
}

/** One PEFT method: a file in methods/ that exports it as default, under its file's name. */
export interface Method<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** The method's name as the papers print it. */
  readonly label: string;
  readonly paper: string;
  /** The formula in one line and its paper's letters. */
  readonly formula?: string;
  /** A `z.strictObject`: its fields are the method's options, with their defaults and descriptions. */
  readonly options: Options;
  /** Named variants (`red~no-bias`): the options that each sets. */
  readonly ablations?: Readonly<Record<string, Partial<z.infer<Options>>>>;
  /** Hyper-parameters (keys of a recipe) where no recipe says otherwise. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  /**
   * What answers the test split in place of a model: the training split's most frequent answer, or each input
   * itself. Nothing is trained then.
   */
  readonly answers?: 'most-frequent' | 'copied-input';
  attach(base: BaseModel, options: z.infer<Options>): Delta;
}

/** Gives a method's definition its types, and returns it. */
export function defineMethod<Options extends z.ZodObject>(method: Method<Options>): Method<Options> {
  return method;
}

/** How many of the base's positions a method takes before the input. */
export function virtualTokens({ promptLength, prefixLength }: Delta): number {
  return (promptLength ?? 0) + (prefixLength ?? 0);
}
