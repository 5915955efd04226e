import type { TokenSegment } from './segment.ts';

/**
 * A corpus metric as sums: every segment gives a row of numbers (its sufficient statistics) and a score is a
 * function of the sum of rows. One segment's row scores that segment; a resampled corpus is another sum.
 */
export interface CorpusMetric {
  readonly name: string;
  statistics(segment: TokenSegment): Float64Array;
  score(sum: Float64Array): number;
}

/** The sum of the rows, element by element; throws a RangeError where there is none. */
export function sumRows(rows: readonly Float64Array[]): Float64Array {
  const first = rows[0];
  if (!first) throw new RangeError('a corpus metric needs at least one segment, got none');
  const sum = new Float64Array(first.length);
  for (const row of rows) for (let i = 0; i < sum.length; i++) sum[i]! += row[i]!;
  return sum;
}

/** The metric of a whole corpus; throws a RangeError where there is no segment. */
export function corpusScore(metric: CorpusMetric, segments: readonly TokenSegment[]): number {
  return metric.score(sumRows(segments.map((segment) => metric.statistics(segment))));
}
