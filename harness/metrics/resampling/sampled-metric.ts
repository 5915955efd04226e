/**
 * Metrics of resampled tests: what the bootstrap behind a table's marks calls thousands of times. Tasks give
 * them (MetricInfo, TextTask.resampler), resample-tests.ts runs them. A sample is an array of counts: how
 * often each example was drawn.
 */
import type { CorpusMetric } from '../text/corpus-metric.ts';

/** Labels and predictions of the same examples, in the same order. */
export interface LabelledTest {
  readonly labels: readonly number[];
  readonly predictions: readonly number[];
}

/**
 * A metric of one system on any sample of its examples: `counts[i]` says how often example i was drawn. NaN
 * says that the metric has no meaning there.
 */
export interface SampledMetric {
  (counts: Uint32Array): number;
  /**
   * For a metric that depends only on how many examples are of each kind, such as each pair of label and
   * prediction: the kind of each example, the number of kinds, and the metric of the kinds' numbers. Counting
   * kinds is quicker than scoring examples, and metrics with the same array `of` are counted once.
   */
  readonly kinds?: { readonly of: Uint32Array; readonly count: number; score(numbers: Uint32Array): number };
}

/** The metric times `scale`, such as 100 for percent. */
export function scaled(metric: SampledMetric, scale: number): SampledMetric {
  const scaledMetric = (counts: Uint32Array): number => scale * metric(counts);
  const { kinds } = metric;
  if (!kinds) return scaledMetric;
  return Object.assign(scaledMetric, {
    kinds: { ...kinds, score: (numbers: Uint32Array) => scale * kinds.score(numbers) },
  });
}

/** A corpus metric on samples, from the statistics of each example. */
export function sampledSums(
  { score }: Pick<CorpusMetric, 'score'>,
  rows: readonly Float64Array[],
): SampledMetric {
  const width = rows[0]?.length ?? 0;
  // One flat array: reading many small ones takes several times as long.
  const flat = new Float64Array(rows.length * width);
  for (const [i, row] of rows.entries()) flat.set(row, i * width);
  return (counts) => {
    const sum = new Float64Array(width);
    for (let i = 0, offset = 0; i < counts.length; i++, offset += width) {
      const count = counts[i]!;
      if (count === 0) continue;
      for (let j = 0; j < width; j++) sum[j]! += count * flat[offset + j]!;
    }
    return score(sum);
  };
}

/** The mean of the examples' own values. */
export function sampledMean(values: readonly number[]): SampledMetric {
  return sampledSums(
    { score: (sum) => sum[0]! / sum[1]! },
    values.map((value) => Float64Array.of(value, 1)),
  );
}
