import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { f1Metric } from '../harness/metrics/labels/f1.ts';
import { glueTask } from './shared/glue.ts';

/**
 * The Microsoft Research Paraphrase Corpus (Dolan and Brockett, 2005): whether two sentences say the same.
 */
export default glueTask({
  name: 'mrpc',
  label: 'MRPC',
  classes: ['not_equivalent', 'equivalent'],
  metrics: [accuracyMetric, f1Metric],
  sizes: { train: 3_668, validation: 204, test: 204, tokens: 53 },
});
