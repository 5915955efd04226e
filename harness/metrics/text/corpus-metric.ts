/** The form of the metrics of text: statistics of segments that add up. */
import type { TokenSegment } from './segment.ts';

/**
 * A corpus metric as sums: each segment has a row of numbers (its sufficient statistics), and the score is a
 * function of the sum of rows. One row alone scores its segment; a resampled corpus is another sum.
 */
export interface CorpusMetric {
  readonly name: string;
  statistics(segment: TokenSegment): Float64Array;
  score(sum: Float64Array): number;
}

/** Adds the rows element by element; throws a RangeError if there is none. */
export function sumRows(rows: readonly Float64Array[]): Float64Array {
  const first = rows[0];
  if (!first) throw new RangeError('a corpus metric needs at least one segment, got none');
  const sum = new Float64Array(first.length);
  for (const row of rows) for (let i = 0; i < sum.length; i++) sum[i]! += row[i]!;
  return sum;
}

/** Scores a whole corpus; throws a RangeError if there is no segment. */
export function corpusScore(metric: CorpusMetric, segments: readonly TokenSegment[]): number {
  return metric.score(sumRows(segments.map((segment) => metric.statistics(segment))));
}
