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
}

/**
 * An edit of a module that is an affine map, as numbers: x → input ⊙ x before the module and y → scale ⊙ (y +
 * up down x) + shift after it. What is absent does nothing.
 */
export interface AffineEdit {
  /** [inputs] */
  readonly input?: Float32Array;
  /**
   * up [outputs, r] and down [r, inputs]; a function, so that they are made only when the module's turn
   * comes.
   */
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
  /**
   * Virtual tokens, `edits.prompt`'s rows and `edits.prefix`'s, 0 where absent: they take positions of the
   * base.
   */
  readonly promptLength?: number;
  readonly prefixLength?: number;
  /**
   * Whether edits depend on where a prompt starts and ends: only then may they read the context's prompt,
   * fromStart and fromEnd.
   */
  readonly readsPrompt?: true;
  /** Which of the base's own tensors are trained. */
  unfreezes?(tensor: string, owner: Site | undefined): boolean;
  /** `x`: trained, frozen and state by name. */
  edits?(x: Tensors, context: Context): Edits;
  penalty?(x: Tensors): Tensor;
  /** Part of the program, after the optimiser; returns the tensors that change. */
  update?(x: Tensors, gradients: Tensors, progress: { step: Tensor; totalSteps: number }): Tensors;
  /**
   * Whether it is `update` that put a trained tensor back to where it began; `x`: trained and state by name,
   * at the end.
   */
  putsBack?(name: string, x: Values): boolean;
  /**
   * What `edits` does to a site outside of training, in numbers, so that it can be merged into the base's
   * weights; absent where it is no affine map of linear modules, norms and blocks. `x`: the values of
   * trained, frozen and state by name.
   */
  merge?(x: Values): (site: Site) => readonly AffineEdit[];
}

/** One PEFT method: a file in methods/ that exports it as default, under its file's name. */
export interface Method<Options extends z.ZodObject = z.ZodObject> {
  readonly name: string;
  /** As the papers print it. */
  readonly label: string;
  readonly paper: string;
  /** What it computes, in one line and its paper's letters. */
  readonly formula?: string;
  /** A `z.strictObject`: its fields are the method's options, with their defaults and descriptions. */
  readonly options: Options;
  /** Named variants: what they set. */
  readonly ablations?: Readonly<Record<string, Partial<z.infer<Options>>>>;
  /** Hyper-parameters (recipe keys) that suit it where no recipe says otherwise. */
  readonly defaults?: Readonly<Record<string, unknown>>;
  attach(base: BaseModel, options: z.infer<Options>): Delta;
}

/** Types a method's definition; the identity otherwise. */
export function defineMethod<Options extends z.ZodObject>(method: Method<Options>): Method<Options> {
  return method;
}

/** How many of the base's positions a method takes before the input. */
export function virtualTokens({ promptLength, prefixLength }: Delta): number {
  return (promptLength ?? 0) + (prefixLength ?? 0);
}
