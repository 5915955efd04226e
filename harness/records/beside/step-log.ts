/** The training log beside a record: a row for each step, and which steps' times are past warming up. */
import { z } from 'zod';
import type { StepLog } from '../../training/loop/job.ts';

const stepSchema = z.looseObject({
  step: z.int().positive(),
  // Null stands for a loss that is not finite, which JSON cannot hold.
  loss: z.number().nullable(),
  milliseconds: z.number().min(0),
  tokens: z.int().min(0).optional(),
  // Logs of earlier versions have no shapes.
  shapes: z.array(z.string()).optional(),
});
export type Step = z.infer<typeof stepSchema>;

/**
 * The first steps of a program (there is one program for each shape of a batch) are slower; after this many
 * its speed is steady.
 */
const warmUp = 10;

/** Parses the rows of a training log; throws ZodError if they are anything else. */
export function parseSteps(rows: readonly unknown[]): Step[] {
  return z.array(stepSchema).parse(rows);
}

type Timed = Pick<StepLog, 'step' | 'shapes'>;

/**
 * The steps whose times count: every shape of their batches had ten steps before, since the start or the last
 * resumption. A log without shapes counts as one of a single shape.
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
