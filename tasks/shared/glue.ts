/** What the eight tasks of GLUE share; tasks/<name>.ts describe what differs. */
import { drawGlueSplits } from '../../harness/data/sets/glue/splits.ts';
import { readGlue, writeGlue } from '../../harness/data/sets/glue/as-text.ts';
import { loadGlue } from '../../harness/data/sets/glue/load.ts';
import type { GlueName } from '../../harness/data/sets/glue/rows.ts';
import type { LabelMetric } from '../../harness/metrics/labels/label-metric.ts';
import { builtinSizes } from './builtin-sizes.ts';
import { metricName, type DataSize, type LabelTask, type MetricInfo } from '../../harness/task.ts';

type Scores = readonly number[];

export interface GlueDescription {
  readonly name: GlueName;
  readonly label: string;
  /** The names of the classes by number; absent for similarities. */
  readonly classes?: readonly string[];
  /** The metric of the RED paper's Table 8, which chooses the checkpoint, then other customary ones. */
  readonly metrics: readonly LabelMetric[];
  /** Sizes of the official data as the RED paper's code divides it, in word pieces. */
  readonly sizes: DataSize;
  /** The name of a further test set. */
  readonly alsoTest?: 'mismatched';
}

/**
 * Makes a task of GLUE (Wang et al., 2019). The protocol decides how the splits are drawn (drawGlueSplits);
 * inputs have at most 256 tokens; encoders answer with a head, other models in words.
 */
export function glueTask({ name, label, classes, metrics, sizes, alsoTest }: GlueDescription): LabelTask {
  const infoOf = (metric: LabelMetric, set?: string): MetricInfo => ({
    name: metricName(metric.name, set),
    higherIsBetter: true,
    scale: 100,
    decimals: 1,
    resample: metric.resample,
    ...(set !== undefined && { set }),
  });
  return {
    kind: 'label',
    name,
    label,
    groups: ['glue'],
    version: 1,
    ...(classes && { classes }),
    metrics: [
      ...metrics.map((metric) => infoOf(metric)),
      ...(alsoTest ? metrics.map((metric) => infoOf(metric, alsoTest)) : []),
    ],
    selection: metrics[0]!.name,
    sizes,
    builtinSizes,
    // Batch size, warm-up and length of the RED paper's Table 9; answers are a few tokens.
    defaults: {
      batchSize: 32,
      epochs: 10,
      warmup: 0.06,
      promptLength: 256,
      targetLength: 16,
      maxNewTokens: 16,
    },

    async load(source, options) {
      const { form, hash, train, validation, mismatched, test } = await loadGlue(name, source, options);
      return {
        source: { name, form, hash },
        train,
        validation,
        ...(test && { test }),
        ...(alsoTest && { alsoTest: { [alsoTest]: mismatched } }),
      };
    },
    draw: (data, draw) => ({ ...data, ...drawGlueSplits(name, data, draw) }),

    write: (example, draw) => writeGlue(name, example, draw),
    read: (text, draw) => readGlue(name, text, draw),

    score(predictions, labels, { family, side }) {
      // The authors' code reads any class but 1 as 0, also T5's third class of mnli.
      const twoClasses = name === 'mnli' && family === 't5' && side('t5-mnli-two-class') === 'code';
      const counted = (values: Scores): Scores =>
        twoClasses ? values.map((value) => (value === 1 ? 1 : 0)) : values;
      return scoresOf(metrics, counted(labels), counted(predictions));
    },
  };
}

/** The value of each metric; correlations of constant predictions have no meaning and count as 0. */
function scoresOf(
  metrics: readonly LabelMetric[],
  labels: Scores,
  predictions: Scores,
): Record<string, number> {
  const values = metrics.map(({ name, compute }) => [name, compute(labels, predictions)] as const);
  return Object.fromEntries(values.map(([name, value]) => [name, Number.isNaN(value) ? 0 : value]));
}
