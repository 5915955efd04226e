/**
 * All that a file in tasks/ may import beside its data set (data/sets/) and its metrics (metrics/): what a task is, and
 * how its examples become tokens and its answers text again.
 */
export type {
  DataSize,
  DataSource,
  Draw,
  LabelledData,
  LabelledExample,
  LabelledSplits,
  LabelTask,
  MetricInfo,
  Prediction,
  Splits,
  Task,
  TestItem,
  TestScore,
  TextPair,
  TextTask,
  TokenPair,
} from './data/examples/task.ts';
export { metricName } from './data/examples/task.ts';
export type { LabelledTest, SampledMetric } from './metrics/resampling/sampled-metric.ts';
export { encodePair } from './data/examples/encode-pair.ts';
export { cleanUpSpaces } from './data/tokenizers/clean-up-spaces.ts';
export { cacheFolder } from './support/cache-folder.ts';
export { UsageError } from './support/errors.ts';
