import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { f1Metric } from '../harness/metrics/labels/f1.ts';
import { glueTask } from './shared/glue.ts';

/** Quora Question Pairs: whether two questions ask the same. */
export default glueTask({
  name: 'qqp',
  label: 'QQP',
  classes: ['not_duplicate', 'duplicate'],
  metrics: [accuracyMetric, f1Metric],
  sizes: { train: 363_846, validation: 1_000, test: 39_430, tokens: 31 },
});
