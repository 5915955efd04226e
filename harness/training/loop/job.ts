/**
 * What a training run is given and what it returns: the types between the training loop and its callers in
 * runs/.
 */
import type { Engine } from '../../engine/types.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Answered, Objective } from '../objectives/objective.ts';
import type { Recipe } from '../recipe.ts';
import type { ActivationLimit } from '../step/activation-memory.ts';
import type { Companion } from './train-together.ts';

/** One row of a run's training log: an optimiser step. */
export interface StepLog {
  /** Counts from 1. */
  readonly step: number;
  /** Mean over the step's targets, before the step. */
  readonly loss: number;
  readonly learningRate: number;
  /** Not finite where loss scaling skipped the step. */
  readonly gradientNorm: number;
  readonly milliseconds: number;
  /** Real tokens, padding left out. */
  readonly tokens: number;
  /**
   * The distinct shapes of its micro-batches (shapeKey); absent in rows from an older version's checkpoint.
   */
  readonly shapes?: readonly string[] | undefined;
}
/** One evaluation of the validation split. */
export interface Evaluation {
  readonly step: number;
  readonly loss: number;
  /** The split's metrics, where the job computes any. */
  readonly metrics?: Readonly<Record<string, number | null>> | undefined;
  readonly seconds: number;
}

/** The progress that a caller may show after a step. */
export interface StepProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
}

/** Everything that one run is trained from. */
export interface TrainingJob<Example> {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly objective: Objective<Example>;
  readonly train: readonly Example[];
  /**
   * The training set of an epoch (from 0), with as many examples as `train`; `train` in every epoch where
   * absent.
   */
  trainAt?(epoch: number): readonly Example[];
  readonly validation: readonly Example[];
  /**
   * Computes metrics of the validation split from the objective's answers, or from the run's current tensors.
   * The best evaluation is the one of the largest score; without `validate`, the one of the least loss.
   */
  validate?(
    answers: readonly Answered<Example>[],
    trained: () => Promise<TrainingResult['tensors']>,
  ): Validated | Promise<Validated>;
  readonly recipe: Recipe;
  /**
   * What the activations of a micro-batch may take, where the recipe does not say how many examples it has;
   * absent, they may be as many as is fast.
   */
  readonly activations?: ActivationLimit;
  readonly seed: number;
  /**
   * The folder of the run's checkpoint, which the run goes on from where there is one; undefined writes none.
   */
  readonly folder: string | undefined;
  /** Called before a checkpoint is written; throws where another process has taken `folder` over. */
  mayWrite?(): Promise<void>;
  /** Checked between steps: once it is aborted, the run saves a checkpoint and throws Interrupted. */
  readonly signal?: AbortSignal;
  /** The run's place in a group of runs that are trained in one program. */
  readonly companion?: Companion;
  /** Examples that are answered once, under the tensors of the best evaluation. */
  readonly test?: readonly Example[];
  onProgress?(progress: StepProgress): void;
  /** Called with a line that the user should read. */
  onNote?(text: string): void;
}

/** The metrics of an evaluation, and the score by which the best checkpoint is chosen. */
export interface Validated {
  readonly metrics: Readonly<Record<string, number>>;
  readonly score: number;
}

/** The result of a run. */
export interface TrainingResult {
  /** Trained tensors (and the method's frozen and state tensors) at the best evaluation. */
  readonly tensors: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
  readonly bestStep: number;
  readonly totalSteps: number;
  readonly log: readonly StepLog[];
  readonly evaluations: readonly Evaluation[];
  /** Why the run ended before its last step, where it did. */
  readonly stopped?: 'patience';
  /** Why the run failed: the loss, the gradient or a trained tensor became non-finite. */
  readonly diverged?: string;
  /** Names of trained tensors that end with their initial values, though the method did not reset them. */
  readonly neverMoved: readonly string[];
  readonly seconds: { readonly compile: number; readonly train: number; readonly evaluate: number };
  readonly resumedFrom?: number;
  /** The number of runs in its group, where it had one; its seconds are its share of the group's. */
  readonly together?: number;
  /** Answers to the job's test examples, in their order; absent where the run diverged. */
  readonly test?: { readonly answers: readonly Float32Array[]; readonly seconds: number };
}

/** Thrown where a run was told to stop; its checkpoint is saved. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
/** Thrown by callers of train() for a run whose loss, gradient or trained tensors became non-finite. */
export class Diverged extends Error {
  override readonly name = 'Diverged';
}
