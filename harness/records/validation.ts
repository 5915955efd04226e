/** What validation says of a run: the value by which its checkpoint was chosen, and by which trials compare. */
import type { RunRecord } from './record.ts';

/** What a task says of its validation. */
interface Chooses {
  /** The metric that chooses checkpoints; the loss where absent. */
  readonly selection?: string;
  readonly metrics: readonly {
    readonly name: string;
    readonly scale: number;
    readonly higherIsBetter: boolean;
  }[];
}

/** A value of the validation split. */
export interface Validation {
  readonly metric: string;
  readonly value: number;
  readonly higherIsBetter: boolean;
}

/**
 * The best value of a run's validation: the metric that the task chooses by, else the loss. Undefined where
 * the run failed or was never validated.
 */
export function validationOf(
  task: Chooses,
  { status, training }: Pick<RunRecord, 'status' | 'training'>,
): Validation | undefined {
  const best = training?.evaluations.find(({ step }) => step === training.bestStep);
  if (status !== 'finished' || !best) return undefined;
  const { selection } = task;
  const info = task.metrics.find(({ name }) => name === selection);
  const value = selection === undefined ? best.loss : best.metrics?.[selection];
  if (value === undefined || value === null) return undefined;
  return {
    metric: selection ?? 'loss',
    value: value * (info?.scale ?? 1),
    higherIsBetter: info?.higherIsBetter ?? false,
  };
}
