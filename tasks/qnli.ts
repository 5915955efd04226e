import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { glueTask } from './shared/glue.ts';

/**
 * Question-answering Natural Language Inference (Rajpurkar et al., 2016): whether a sentence answers a
 * question.
 */
export default glueTask({
  name: 'qnli',
  label: 'QNLI',
  classes: ['entailment', 'not_entailment'],
  metrics: [accuracyMetric],
  sizes: { train: 104_743, validation: 1_000, test: 4_463, tokens: 51 },
});
