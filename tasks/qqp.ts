import { accuracy } from '../harness/metrics/labels/accuracy.ts';
import { f1 } from '../harness/metrics/labels/f1.ts';
import { glueTask } from './shared/glue.ts';

/** Quora Question Pairs: whether two questions ask the same. */
export default glueTask({
  name: 'qqp',
  label: 'QQP',
  classes: ['not_duplicate', 'duplicate'],
  metrics: [
    { name: 'accuracy', compute: accuracy },
    { name: 'F1', compute: f1 },
  ],
});
