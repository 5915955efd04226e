import { pearsonMetric } from '../harness/metrics/labels/pearson.ts';
import { spearmanMetric } from '../harness/metrics/labels/spearman.ts';
import { glueTask } from './shared/glue.ts';

/** The Semantic Textual Similarity Benchmark (Cer et al., 2017): how alike two sentences are, from 0 to 5. */
export default glueTask({
  name: 'stsb',
  label: 'STS-B',
  metrics: [pearsonMetric, spearmanMetric],
  sizes: { train: 5_749, validation: 750, test: 750, tokens: 31 },
});
