import { median } from 'simple-statistics';
import { warmSteps, type Step } from '../../records/step-log.ts';

/**
 * Median milliseconds of a step after the first ten of each shape, also of those after the run was gone on
 * with; undefined where there is none.
 */
export function medianStepTime(steps: readonly Step[], resumedFrom?: number): number | undefined {
  const warm = warmSteps(steps, resumedFrom);
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
