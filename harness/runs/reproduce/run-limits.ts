/** What keeps a run of a table from being started: the memory of the device, and the time of --budget. */
import type { EngineChoice } from '../plan/engine-choice.ts';
import { deviceMemory, sizeText } from '../memory/memory-here.ts';
import type { Estimate } from './estimate.ts';
import type { RunState } from './inspect-runs.ts';

/**
 * The limits of the runs of a table: bytes of memory for each job, and seconds for all runs. Where the seeds of
 * a run are trained together, all of them are started or none.
 */
export interface RunLimits {
  readonly batchSeeds: boolean;
  readonly jobs: number;
  readonly memory: number;
  readonly budget: number | undefined;
}

/** The limits on a device that `jobs` runs share. */
export async function findLimits(
  { device }: EngineChoice,
  limits: Omit<RunLimits, 'memory'>,
): Promise<RunLimits> {
  return { ...limits, memory: (await deviceMemory(device)) / limits.jobs };
}

/**
 * Why `seeds` of a run, of which one is estimated, are not started after `elapsed` seconds; undefined where
 * they are. What seeds train together is little beside the base that they share.
 */
export function whyNotRun(
  estimate: Estimate | undefined,
  seeds: number,
  { jobs, memory, budget }: RunLimits,
  elapsed: number,
): string | undefined {
  if (estimate && estimate.leastBytes > memory) {
    const owner = jobs > 1 ? `each of ${jobs} jobs` : 'the device';
    const need = sizeText(estimate.leastBytes);
    return `it needs more than ${need} of memory, ${owner} has ${sizeText(memory)}`;
  }
  if (budget === undefined) return undefined;
  // A run that cannot be estimated cannot be kept within a time. Jobs share the device whose speed is
  // estimated.
  const seconds = (estimate?.seconds ?? Infinity) * seeds * jobs;
  return elapsed + seconds > budget ? 'over the time of --budget' : undefined;
}

/**
 * How many seeds of each run would be started, if all took as long as estimated: they are done in order, and
 * the other seeds of a run are left out after the first that does not fit.
 */
export function seedsWithin(order: readonly RunState[], limits: RunLimits): number[] {
  let elapsed = 0;
  return order.map(({ missing, estimate }) => {
    const atOnce = limits.batchSeeds ? missing.length : 1;
    let fits = 0;
    while (fits < missing.length && whyNotRun(estimate, atOnce, limits, elapsed) === undefined) {
      elapsed += atOnce * (estimate?.seconds ?? 0);
      fits += atOnce;
    }
    return fits;
  });
}
