import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { glueTask } from './shared/glue.ts';

/**
 * Multi-genre Natural Language Inference (Williams et al., 2018); validation and test are of the training
 * set's genres, others are reported too.
 */
export default glueTask({
  name: 'mnli',
  label: 'MNLI',
  classes: ['entailment', 'neutral', 'contradiction'],
  metrics: [accuracyMetric],
  alsoTest: 'mismatched',
  sizes: { train: 392_702, validation: 1_000, test: 18_647, tokens: 40 },
});
