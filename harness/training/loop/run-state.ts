/**
 * How far a run has come: its step, its log, its best evaluation, and why it ended. train.ts advances it;
 * checkpoint.ts stores `progress` and `best`, from which a resumed run goes on. Nothing here computes
 * tensors.
 */
import type { Precision } from '../../engine/types.ts';
import type { Recipe } from '../recipe.ts';
import type { RunMetadata } from './checkpoint.ts';
import type { Evaluation, StepLog, TrainingResult } from './job.ts';
import type { Arrays } from './run-tensors.ts';

/**
 * Steps in a row that loss scaling may skip: each halves the scale, so no scale is left that could be the
 * reason.
 */
const MOST_SKIPPED = 100;

/** A number as JSON holds it. */
const finite = (x: number): number | null => (Number.isFinite(x) ? x : null);
/** Whether loss scaling skipped a logged step: its gradient's norm was not finite. */
const isSkipped = ({ gradientNorm }: RunMetadata['log'][number]): boolean => gradientNorm === null;

interface Limits {
  readonly totalSteps: number;
  readonly patience: Recipe['patience'];
  readonly precision: Precision;
}

/** The state of one run, new or from a checkpoint. */
export class RunState {
  readonly progress: RunMetadata;
  /** The kept tensors at the best evaluation; undefined before the first one. */
  best: Arrays | undefined;
  /** The step that the checkpoint was of; undefined in a new run. */
  readonly resumedFrom: number | undefined;
  readonly #limits: Limits;
  #skipped: number;
  #stopped: TrainingResult['stopped'];
  #diverged: string | undefined;

  constructor(limits: Limits, checkpoint?: { readonly run: RunMetadata; readonly best: Arrays | undefined }) {
    this.#limits = limits;
    this.progress = checkpoint?.run ?? newProgress();
    this.best = checkpoint?.best;
    this.resumedFrom = checkpoint?.run.step;
    this.#skipped = this.progress.log.filter(isSkipped).length;
    // A run may have been killed between its last evaluation and its end.
    this.#stopAfterPatience();
  }

  /** Steps done, skipped ones among them. */
  get step(): number {
    return this.progress.step;
  }

  /** The next step as the optimiser counts it, from 1: it has not seen the steps that were skipped. */
  get optimizerStep(): number {
    return this.progress.step - this.#skipped + 1;
  }

  /** Why the run ended early though its numbers are sound. */
  get stopped(): TrainingResult['stopped'] {
    return this.#stopped;
  }

  /** Why the run failed: a number that is not finite. */
  get diverged(): string | undefined {
    return this.#diverged;
  }

  get isOver(): boolean {
    return this.step >= this.#limits.totalSteps || this.#stopped !== undefined || this.diverged !== undefined;
  }

  /** Fails the run, unless it has failed before. */
  diverge(reason: string): void {
    this.#diverged ??= reason;
  }

  /** Logs a step that was taken, and fails the run where its loss or its gradient is not finite. */
  logStep({ loss, gradientNorm, ...row }: Omit<StepLog, 'step' | 'shapes'> & { shapes: string[] }): void {
    const { progress } = this;
    progress.step++;
    progress.seconds.train += row.milliseconds / 1000;
    progress.log.push({
      step: progress.step,
      loss: finite(loss),
      learningRate: row.learningRate,
      gradientNorm: finite(gradientNorm),
      milliseconds: row.milliseconds,
      tokens: row.tokens,
      shapes: row.shapes,
    });
    if (this.#limits.precision === 'float16' && !Number.isFinite(gradientNorm)) this.#skip();
    else if (!Number.isFinite(loss)) this.#divergeNow(`the loss is ${loss}`);
    else if (!Number.isFinite(gradientNorm)) this.#divergeNow(`the gradient's norm is ${gradientNorm}`);
  }

  /**
   * Logs an evaluation of this step; returns whether it is the best so far, whose tensors the caller then
   * keeps.
   */
  logEvaluation({ loss, metrics, seconds }: Omit<Evaluation, 'step'>, score: number): boolean {
    const { progress } = this;
    progress.evaluations.push({ step: progress.step, loss, ...(metrics && { metrics }), seconds });
    progress.seconds.evaluate += seconds;
    // A score may be NaN, such as the correlation of predictions that are all the same: any other is better.
    const isBetter = Number.isFinite(score) && !(score <= (progress.bestScore ?? NaN));
    const isBest = this.best === undefined || isBetter;
    if (isBest) {
      progress.bestScore = finite(score);
      progress.bestStep = progress.step;
      progress.waited = 0;
    } else {
      progress.waited++;
      this.#stopAfterPatience();
    }
    return isBest;
  }

  /** The step that was just taken, for messages. */
  get place(): string {
    return `step ${this.step} of ${this.#limits.totalSteps}`;
  }

  #divergeNow(what: string): void {
    this.diverge(`${what} at ${this.place}`);
  }

  #skip(): void {
    this.#skipped++;
    const last = this.progress.log.slice(-MOST_SKIPPED);
    if (last.length < MOST_SKIPPED || !last.every(isSkipped)) return;
    this.#divergeNow(
      `the gradient was not finite in ${MOST_SKIPPED} steps in a row, whatever the loss scale,`,
    );
  }

  #stopAfterPatience(): void {
    const { patience } = this.#limits;
    if (patience !== undefined && this.progress.waited >= patience) this.#stopped = 'patience';
  }
}

const newProgress = (): RunMetadata => ({
  step: 0,
  bestStep: 0,
  bestScore: null,
  waited: 0,
  seconds: { train: 0, evaluate: 0 },
  log: [],
  evaluations: [],
});
