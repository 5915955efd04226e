/**
 * The form of a metric of classes or values, as tasks take it: its name, its value, and its value on
 * resampled tests.
 */
import type { LabelledTest, SampledMetric } from '../resampling/sampled-metric.ts';

type Numbers = readonly number[];

/** A metric of labels and predictions. */
export interface LabelMetric {
  /** As records and tables call it. */
  readonly name: string;
  /** NaN where labels or predictions are all the same and the metric has no meaning. */
  readonly compute: (labels: Numbers, predictions: Numbers) => number;
  /** The same metric on any sample of the test's examples. */
  readonly resample: (test: LabelledTest) => SampledMetric;
}
