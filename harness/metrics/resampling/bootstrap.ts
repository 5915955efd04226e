/**
 * The paired bootstrap of `bench score` over the segments of a corpus, and the random numbers that all
 * resampling here draws.
 */
import { errorFunction } from 'simple-statistics';
import type { CorpusMetric } from '../text/corpus-metric.ts';
import { sum } from '../../support/numbers/arithmetic.ts';

/**
 * Draws uniform integers below `n` with the mulberry32 generator: the same seed draws the same numbers
 * everywhere.
 */
export function sampler(seed: number): (n: number) => number {
  let state = seed | 0;
  return (n) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 2 ** 32) * n);
  };
}

export interface BootstrapOptions {
  /** The number of samples; 1,000 if absent. */
  readonly resamples?: number;
  /** The seed of the draws; 0 if absent. */
  readonly seed?: number;
}

/**
 * Scores several systems on resampled corpora. Each sample draws as many segments as there are, with
 * replacement, the same ones for all systems (paired) and for all metrics of the same seed. `systems` are the
 * rows of statistics by system and segment. Throws a RangeError if systems have different numbers of
 * segments, or none.
 */
export function bootstrapScores(
  metric: CorpusMetric,
  systems: readonly (readonly Float64Array[])[],
  { resamples = 1000, seed = 0 }: BootstrapOptions = {},
): Float64Array[] {
  const segments = systems[0]?.length ?? 0;
  if (segments === 0 || systems.some((rows) => rows.length !== segments)) {
    const counts = systems.map((rows) => rows.length).join(', ');
    throw new RangeError(`a paired bootstrap needs the same segments of all systems, got ${counts} segments`);
  }
  const draw = sampler(seed);
  const scores = systems.map(() => new Float64Array(resamples));
  const sample = new Uint32Array(segments);
  for (let k = 0; k < resamples; k++) {
    for (let i = 0; i < segments; i++) sample[i] = draw(segments);
    for (const [system, rows] of systems.entries()) {
      const sum = new Float64Array(rows[0]!.length);
      for (let i = 0; i < segments; i++) {
        const row = rows[sample[i]!]!;
        for (let j = 0; j < sum.length; j++) sum[j]! += row[j]!;
      }
      scores[system]![k] = metric.score(sum);
    }
  }
  return scores;
}

/** The middle 95 % of resampled values, [low, high] (the percentile interval). */
export function percentileInterval(values: Float64Array): [number, number] {
  const sorted = values.toSorted();
  const at = (share: number): number => {
    const place = share * (sorted.length - 1);
    const [low, high] = [sorted[Math.floor(place)]!, sorted[Math.ceil(place)]!];
    return low + (high - low) * (place % 1);
  };
  return [at(0.025), at(0.975)];
}

export interface Difference {
  /** Score of the first system minus that of the second. */
  readonly difference: number;
  /** Standard deviation of the difference over resamples: its standard error. */
  readonly standardError: number;
  /** difference ± 1.96 standard errors. */
  readonly interval: readonly [number, number];
  /** The two-sided p value of the normal distribution; 1 if no resample differs. */
  readonly p: number;
}

/** Compares two systems by their scores and by their scores on the same resamples. */
export function compareSystems(
  scores: readonly [number, number],
  resampled: readonly [Float64Array, Float64Array],
): Difference {
  const difference = scores[0] - scores[1];
  const [first, second] = resampled;
  const differences = first.map((score, k) => score - second[k]!);
  const mean = sum(differences) / differences.length;
  const squares = differences.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const standardError = Math.sqrt(squares / Math.max(1, differences.length - 1));
  const z = difference === 0 ? 0 : Math.abs(difference) / standardError;
  return {
    difference,
    standardError,
    interval: [difference - 1.96 * standardError, difference + 1.96 * standardError],
    p: Math.min(1, Math.max(0, 1 - errorFunction(z / Math.SQRT2))),
  };
}
