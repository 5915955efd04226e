/** Evaluates a split of the data under a run's current tensors. train.ts uses it. */
import type { State } from '../../engine/types.ts';
import { fittingShape } from '../objectives/batch-shapes.ts';
import type { Answered, BatchShape, Objective } from '../objectives/objective.ts';
import type { TrainingPrograms } from '../step/programs.ts';
import { countTargets } from './plan-run.ts';

/** The mean loss of a split, and the objective's answers, where it has them. */
export interface SplitResult<Example> {
  readonly loss: number;
  readonly answers: readonly Answered<Example>[];
}

/** Computes a split's batches in turn; throws RangeError where they have no target. */
export async function evaluate<Example>(
  programs: Pick<TrainingPrograms, 'evaluate'>,
  objective: Objective<Example>,
  shapes: readonly BatchShape[],
  state: State,
  batches: readonly Example[][],
): Promise<SplitResult<Example>> {
  const terms = countTargets(objective, batches);
  if (terms === 0) throw new RangeError('an evaluation needs at least one target, got none');
  let total = 0;
  const answers: Answered<Example>[] = [];
  for (const batch of batches) {
    const shape = fittingShape(objective.sizesOf(batch), shapes);
    const program = await programs.evaluate(shape);
    const outputs = await program.run(state, objective.fill(batch, shape, 1));
    total += outputs.loss![0]!;
    const rows = outputs.answers as Float32Array | undefined;
    if (rows) {
      const width = rows.length / shape.rows;
      batch.forEach((example, i) => {
        answers.push({ example, answer: rows.slice(i * width, (i + 1) * width) });
      });
    }
    // Lets signals and timers in: a run holds this thread.
    await new Promise(setImmediate);
  }
  return { loss: total / terms, answers };
}

/** Says what is not finite in an evaluation of a split; undefined where all its numbers are finite. */
export function notFinite(split: string, { loss, answers }: SplitResult<unknown>): string | undefined {
  // Checked before any metric: a maximum would pass over a NaN.
  if (!answers.every(({ answer }) => answer.every(Number.isFinite)))
    return `the model's outputs on the ${split} set are not finite`;
  return Number.isFinite(loss) ? undefined : `the loss on the ${split} set is ${loss}`;
}
