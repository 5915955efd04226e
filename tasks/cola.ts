import { accuracyMetric } from '../harness/metrics/labels/accuracy.ts';
import { matthewsMetric } from '../harness/metrics/labels/matthews.ts';
import { glueTask } from './shared/glue.ts';

/** The Corpus of Linguistic Acceptability (Warstadt et al., 2018): whether a sentence is English. */
export default glueTask({
  name: 'cola',
  label: 'CoLA',
  classes: ['unacceptable', 'acceptable'],
  metrics: [matthewsMetric, accuracyMetric],
  sizes: { train: 8_551, validation: 522, test: 521, tokens: 11 },
});
