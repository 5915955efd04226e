/** Writes a run's checkpoints, and tells when one is due between evaluations. train.ts uses it. */
import type { State } from '../../engine/types.ts';
import { writeCheckpoint } from './checkpoint.ts';
import type { TrainingJob } from './job.ts';
import type { RunState } from './run-state.ts';
import { checkpointTypes } from './run-tensors.ts';

/** Milliseconds between checkpoints. */
const INTERVAL = 30_000;
/** The least interval between checkpoints, as a multiple of the time that writing the last one took. */
const WRITING_TIMES = 20;

/**
 * The checkpoints of one run. Its clock is the time when steps are done, which runs that are trained together
 * share, so that all of them save at the same step.
 */
export class CheckpointWriter {
  readonly #job: Pick<TrainingJob<never>, 'folder' | 'mayWrite'>;
  readonly #state: State;
  #now: number | undefined;
  #savedAt: number | undefined;
  /** How long writing the last checkpoint took, in milliseconds. */
  #writing = 0;

  constructor(job: Pick<TrainingJob<never>, 'folder' | 'mayWrite'>, state: State) {
    this.#job = job;
    this.#state = state;
  }

  /** Sets the clock to the time when a step was done. */
  stepDone(at: number): void {
    this.#now = at;
    this.#savedAt ??= at;
  }

  /** Whether a checkpoint is due after this step. */
  get isDue(): boolean {
    return this.#now! - this.#savedAt! >= Math.max(INTERVAL, WRITING_TIMES * this.#writing);
  }

  /** Writes a checkpoint; nothing where the job has no folder. */
  async save({ progress, best }: RunState): Promise<void> {
    const { folder, mayWrite } = this.#job;
    if (folder === undefined) return;
    const start = performance.now();
    const { types } = this.#state;
    const tensors = await this.#state.read(Object.keys(checkpointTypes(types)));
    await writeCheckpoint(folder, types, tensors, best, progress, mayWrite);
    this.#savedAt = this.#now;
    this.#writing = performance.now() - start;
  }
}
