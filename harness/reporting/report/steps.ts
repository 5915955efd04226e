/** Reads training logs for the report: the time of a step and the learning curve. */
import { median } from 'simple-statistics';
import { warmSteps, type Step } from '../../records/beside/step-log.ts';

/** Median milliseconds of the steps whose times count (warmSteps); undefined if there is none. */
export function medianStepTime(steps: readonly Step[], resumedFrom?: number): number | undefined {
  const warm = warmSteps(steps, resumedFrom);
  return warm.length > 0 ? median(warm.map(({ milliseconds }) => milliseconds)) : undefined;
}

/** Thins the losses to at most `points`: means of consecutive steps, placed at the middle step. */
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

/** The number of points in the curve of one run, fewer for a page of many runs. */
export function curvePoints(runs: number): number {
  return Math.max(10, Math.min(80, Math.floor(40_000 / runs)));
}
