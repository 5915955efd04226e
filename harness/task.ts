/**
 * All that a file of tasks/ may import, apart from its data set (data/sets/) and its metrics (metrics/): the
 * form of a task, helpers that turn examples into tokens and answers into text, and metrics. Tasks of a user's
 * folder import it as `deltabench/task`.
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
  Writing,
} from './data/examples/task.ts';
export { metricName } from './data/examples/task.ts';
export type { LabelledTest, SampledMetric } from './metrics/resampling/sampled-metric.ts';
export { sampledMean, sampledSums } from './metrics/resampling/sampled-metric.ts';
export { encodePair } from './data/examples/encode-pair.ts';
export { encodeInstruction, toInput } from './data/examples/encode-instruction.ts';
export { textTemplates } from './data/examples/prompt-templates.ts';
export { cleanUpSpaces } from './data/tokenizers/clean-up-spaces.ts';
export { cacheFolder } from './support/cache-folder.ts';
export { UsageError } from './support/errors.ts';
export { sha256 } from './support/hash.ts';
export { corpusValues, e2eScorer, segmentValues } from './metrics/e2e-scorer.ts';
export { accuracyMetric } from './metrics/labels/accuracy.ts';
export { f1Metric } from './metrics/labels/f1.ts';
export type { LabelMetric } from './metrics/labels/label-metric.ts';
export { matthewsMetric } from './metrics/labels/matthews.ts';
export { pearsonMetric } from './metrics/labels/pearson.ts';
export { spearmanMetric } from './metrics/labels/spearman.ts';
