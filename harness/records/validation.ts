/** What validation says of a run, at the checkpoint that was chosen by it: trials compare by it, reports show it. */
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
 * The scores and the loss of the validation split at the chosen checkpoint, in the form of those of the test;
 * none where the run was never validated.
 */
export function validationMetrics({
  metrics,
  training,
}: Pick<RunRecord, 'metrics' | 'training'>): RunRecord['metrics'] {
  const best = training?.evaluations.find(({ step }) => step === training.bestStep);
  if (!best) return [];
  const scores = metrics.flatMap((metric) => {
    const value = best.metrics?.[metric.name];
    return typeof value === 'number' ? [{ ...metric, split: 'validation' as const, value }] : [];
  });
  const loss = { name: 'loss', split: 'validation' as const, higherIsBetter: false, scale: 1, decimals: 4 };
  return [...scores, ...(best.loss === null ? [] : [{ ...loss, value: best.loss }])];
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
