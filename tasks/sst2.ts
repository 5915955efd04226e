import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { glueTask } from './shared/glue.ts';

/** The Stanford Sentiment Treebank (Socher et al., 2013): whether a film review is favourable. */
export default glueTask({
  name: 'sst2',
  label: 'SST-2',
  classes: ['negative', 'positive'],
  metrics: [accuracyMetric],
  sizes: { train: 67_349, validation: 436, test: 436, tokens: 13 },
});
