import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { glueTask } from './shared/glue.ts';

/**
 * Recognizing Textual Entailment (Dagan et al., 2006, and after): whether one sentence follows from another.
 */
export default glueTask({
  name: 'rte',
  label: 'RTE',
  classes: ['entailment', 'not_entailment'],
  metrics: [accuracyMetric],
  sizes: { train: 2_490, validation: 138, test: 139, tokens: 72 },
});
