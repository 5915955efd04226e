import { median } from 'simple-statistics';
import { z } from 'zod';

const stepSchema = z.looseObject({
  step: z.int().positive(),
  // JSON has no other word for a loss that is not finite.
  loss: z.number().nullable(),
  milliseconds: z.number().min(0),
});
export type Step = z.infer<typeof stepSchema>;

/** Steps that a program takes to become as fast as it stays. */
const warmUp = 10;

/** The rows of a training log; throws ZodError where they are something else. */
export function parseSteps(rows: readonly unknown[]): Step[] {
  return z.array(stepSchema).parse(rows);
}

/** Median milliseconds of the steps after the first ten, also of those after the run was gone on with; undefined where there is none. */
export function medianStepTime(steps: readonly Step[], resumedFrom?: number): number | undefined {
  const warm = steps.filter(
    ({ step }) =>
      step > warmUp && (resumedFrom === undefined || step <= resumedFrom || step > resumedFrom + warmUp),
  );
  return warm.length > 0 ? median(warm.map(({ milliseconds }) => milliseconds)) : undefined;
}

/** At most `points` of the steps' losses: means of steps that follow each other, at the middle one. */
export function thinLosses(steps: readonly Step[], points: number): [number, number][] {
  const finite = steps.flatMap(({ step, loss }) => (loss === null ? [] : [{ step, loss }]));
  const each = Math.max(1, Math.ceil(finite.length / points));
  const thinned: [number, number][] = [];
  for (let at = 0; at < finite.length; at += each) {
    const part = finite.slice(at, at + each);
    const loss = part.reduce((sum, row) => sum + row.loss, 0) / part.length;
    thinned.push([part[Math.floor(part.length / 2)]!.step, loss]);
  }
  return thinned;
}

/** How many points the curve of one run gets, so that a page of many runs stays small. */
export function curvePoints(runs: number): number {
  return Math.max(10, Math.min(80, Math.floor(40_000 / runs)));
}
