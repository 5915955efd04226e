import type { Engine } from '../../engine/types.ts';
import type { Delta } from '../../models/method.ts';
import type { BaseModel } from '../../models/base-model.ts';
import type { Answered, Objective } from '../objectives/objective.ts';
import type { Recipe } from '../recipe.ts';
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
  /** The shapes of its micro-batches, each once (shapeKey); absent where an older checkpoint was gone on with. */
  readonly shapes?: readonly string[] | undefined;
}
export interface Evaluation {
  readonly step: number;
  readonly loss: number;
  /** Of the validation split, where its examples have answers. */
  readonly metrics?: Readonly<Record<string, number | null>> | undefined;
  readonly seconds: number;
}

export interface StepProgress {
  readonly step: number;
  readonly totalSteps: number;
  readonly loss: number;
  readonly tokensPerSecond: number;
}

export interface TrainingJob<Example> {
  readonly engine: Engine;
  readonly base: BaseModel;
  readonly delta: Delta;
  readonly objective: Objective<Example>;
  readonly train: readonly Example[];
  /** The training set as an epoch (from 0) sees it, as long as `train`; always `train` where absent. */
  trainAt?(epoch: number): readonly Example[];
  readonly validation: readonly Example[];
  /**
   * Metrics of the validation split, and the number whose largest chooses the checkpoint; the least loss where absent. It
   * gets the objective's answers, and can ask for the tensors as they are.
   */
  validate?(
    answers: readonly Answered<Example>[],
    trained: () => Promise<TrainingResult['tensors']>,
  ): Validated | Promise<Validated>;
  readonly recipe: Recipe;
  readonly seed: number;
  /** Where checkpoints of the run lie; a run found there is gone on with. Undefined keeps none. */
  readonly folder: string | undefined;
  /** Asked before a checkpoint is written; throws where `folder` is no longer this run's. */
  mayWrite?(): Promise<void>;
  /** Asked between steps: aborted means save a checkpoint and throw an Interrupted error. */
  readonly signal?: AbortSignal;
  /** This run's place among others that it is trained with in one program. */
  readonly companion?: Companion;
  /** Examples that are answered once, at the best evaluation. */
  readonly test?: readonly Example[];
  onProgress?(progress: StepProgress): void;
  /** Something that the user should know; one line. */
  onNote?(text: string): void;
}

/** What an evaluation says besides the loss. */
export interface Validated {
  readonly metrics: Readonly<Record<string, number>>;
  readonly score: number;
}

export interface TrainingResult {
  /** Trained tensors (and the method's frozen and state tensors) at the best evaluation. */
  readonly tensors: Readonly<Record<string, { shape: readonly number[]; data: Float32Array }>>;
  readonly bestStep: number;
  readonly totalSteps: number;
  readonly log: readonly StepLog[];
  readonly evaluations: readonly Evaluation[];
  /** Why it ended before its last step, if it did. */
  readonly stopped?: 'patience';
  /** Why the run failed: the loss, the gradient or a trained tensor became non-finite. */
  readonly diverged?: string;
  /** Trained tensors whose values never changed, though the method did not put them back. */
  readonly neverMoved: readonly string[];
  readonly seconds: { readonly compile: number; readonly train: number; readonly evaluate: number };
  readonly resumedFrom?: number;
  /** How many runs were trained in one program, where it was not by itself; its times are its share of theirs. */
  readonly together?: number;
  /** Answers to the job's test examples, in their order; absent where the run diverged. */
  readonly test?: { readonly answers: readonly Float32Array[]; readonly seconds: number };
}

/** A run that was told to stop and saved what it had. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted';
}
/** A run whose loss, gradient or trained tensors became non-finite. */
export class Diverged extends Error {
  override readonly name = 'Diverged';
}
