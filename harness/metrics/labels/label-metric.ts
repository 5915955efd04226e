/**
 * The form of a metric of classes or values, as tasks take it: its name, its value, and its value on
 * resampled tests.
 */
import type { LabelledTest, SampledMetric } from '../resampling/sampled-metric.ts';

type Numbers = readonly number[];

/** A metric of labels and predictions. */
export interface LabelMetric {
  /** The name in records and tables. */
  readonly name: string;
  /** Computes the metric; NaN if labels or predictions are all the same and it has no meaning. */
  readonly compute: (labels: Numbers, predictions: Numbers) => number;
  /** Makes the same metric for any sample of the test's examples. */
  readonly resample: (test: LabelledTest) => SampledMetric;
}
