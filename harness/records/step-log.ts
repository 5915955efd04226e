import { z } from 'zod';
import type { StepLog } from '../training/loop/job.ts';

const stepSchema = z.looseObject({
  step: z.int().positive(),
  // JSON has no other word for a loss that is not finite.
  loss: z.number().nullable(),
  milliseconds: z.number().min(0),
  // Logs of before shapes were written have none.
  shapes: z.array(z.string()).optional(),
});
export type Step = z.infer<typeof stepSchema>;

/** Steps that a program, there is one for each shape of a batch, takes to become as fast as it stays. */
const warmUp = 10;

/** The rows of a training log; throws ZodError where they are something else. */
export function parseSteps(rows: readonly unknown[]): Step[] {
  return z.array(stepSchema).parse(rows);
}

type Timed = Pick<StepLog, 'step' | 'shapes'>;

/**
 * The steps all of whose batches' shapes ten steps before have had, also since the run was gone on with:
 * those whose times count. A log without shapes is taken for one of a single shape.
 */
export function warmSteps<Row extends Timed>(steps: readonly Row[], resumedFrom?: number): Row[] {
  let seen = new Map<string, number>();
  return steps.filter(({ step, shapes = [''] }) => {
    if (resumedFrom !== undefined && step === resumedFrom + 1) seen = new Map();
    const counts = shapes.map((shape) => seen.get(shape) ?? 0);
    shapes.forEach((shape, i) => seen.set(shape, counts[i]! + 1));
    return counts.every((count) => count >= warmUp);
  });
}
