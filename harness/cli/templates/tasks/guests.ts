/** A task of this folder's own; deltabench finds it here beside its own tasks. */
import { accuracyMetric, sha256, type LabelledExample, type LabelTask } from 'deltabench/task';

const subjects = ['soup', 'bread', 'wine', 'fish', 'service', 'music', 'view', 'garden'];
const adjectives = {
  negative: ['bad', 'poor', 'awful', 'terrible', 'cold', 'slow'],
  positive: ['good', 'great', 'lovely', 'excellent', 'warm', 'quick'],
};
const classes = ['negative', 'positive'] as const;

/**
 * One sentence for each subject and adjective. A task of yours reads a file, or asks `source` for its data.
 */
const examples: readonly LabelledExample[] = classes.flatMap((name, label) =>
  adjectives[name].flatMap((adjective, i) =>
    subjects.map((subject, j) => ({
      id: `${label}-${i}-${j}`,
      texts: [`The ${subject} was ${adjective}.`],
      label,
    })),
  ),
);

/** One example in four is held out: half of these are for validation, half for the test. */
const part = (of: 'train' | 'validation' | 'test'): readonly LabelledExample[] =>
  examples.filter((_, i) => (i % 4 > 0 ? 'train' : i % 8 > 0 ? 'validation' : 'test') === of);

/**
 * An example of a task: whether a guest was content, from sentences made up here. The file has the task's
 * name; raise `version` whenever scores would change.
 */
const task: LabelTask = {
  kind: 'label',
  name: 'guests',
  label: 'Guests',
  version: 1,
  classes,
  metrics: [
    { name: 'accuracy', higherIsBetter: true, scale: 100, decimals: 1, resample: accuracyMetric.resample },
  ],
  selection: 'accuracy',
  defaults: {
    batchSize: 16,
    epochs: 10,
    warmup: 0.1,
    head: 'mean',
    promptLength: 32,
    targetLength: 8,
    maxNewTokens: 8,
  },

  load: () =>
    Promise.resolve({
      source: { name: 'guests', form: 'made up', hash: sha256(JSON.stringify(examples)) },
      train: part('train'),
      validation: part('validation'),
      test: part('test'),
    }),
  draw: (data) => ({ ...data, test: data.test ?? data.validation }),

  write: ({ texts, label }) => ({ input: texts, target: classes[label]! }),
  read: (text) => classes.findIndex((name) => name === text.trim()),
  score: (predictions, labels) => ({ accuracy: accuracyMetric.compute(labels, predictions) }),
};
export default task;
