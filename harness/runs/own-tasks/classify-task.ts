/** Makes a task of classes from the data that a user gave. */
import type { LabelledExample, LabelTask, MetricInfo } from '../../data/examples/task.ts';
import { loadOwnData, type OwnData, type OwnRow } from '../../data/sets/own/load.ts';
import { splitNames } from '../../data/sets/own/find-files.ts';
import { accuracyMetric } from '../../metrics/labels/accuracy.ts';
import { f1Metric } from '../../metrics/labels/f1.ts';
import type { LabelMetric } from '../../metrics/labels/label-metric.ts';
import { macroF1Metric } from '../../metrics/labels/macro-f1.ts';
import { matthewsMetric } from '../../metrics/labels/matthews.ts';
import { UsageError } from '../../support/errors.ts';
import { hashJson } from '../../support/json/canonical-json.ts';
import type { ClassifyOptions, ClassMetric } from './options.ts';

const metrics: Readonly<Record<ClassMetric, LabelMetric>> = {
  accuracy: accuracyMetric,
  f1: f1Metric,
  'macro-f1': macroF1Metric,
  matthews: matthewsMetric,
};

/** The metrics that have these names in records; accuracy where there are none. */
export function classMetricsNamed(names: readonly string[]): ClassMetric[] {
  const found = Object.entries(metrics).filter(([, { name }]) => names.includes(name));
  return found.length > 0 ? found.map(([key]) => key as ClassMetric) : ['accuracy'];
}

/** More classes than this are not named in the question to a model that writes. */
const mostAsked = 20;

/** What a task of classes is made of. */
export interface ClassDescription {
  readonly name: string;
  readonly classes: readonly string[];
  readonly metrics: readonly ClassMetric[];
  /** The columns of the texts, and of the class, as a model that writes is asked. */
  readonly columns: { readonly texts: readonly string[]; readonly label: string };
}

/** Loads a data set and makes its task; throws UsageError where its classes cannot be used. */
export async function openClassifyTask(
  place: string,
  { text, text2, label, metric, split }: ClassifyOptions,
): Promise<{ task: LabelTask; data: OwnData }> {
  const texts = text2 === undefined ? [text] : [text, text2];
  const data = await loadOwnData(place, { inputs: texts, answer: label, split, stratified: true });
  const classes = classesOf(data, label);
  const chosen = metric ?? ['accuracy', classes.length === 2 ? 'f1' : 'macro-f1'];
  if (chosen.includes('f1') && classes.length > 2) {
    throw new UsageError(
      `--metric f1 is of two classes, ${label} has ${classes.length}; macro-f1 is the mean of their F1.`,
    );
  }
  const twice = chosen.find((name, i) => chosen.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError(`--metric names ${twice} twice.`);
  const source = {
    name: data.name,
    form: data.form,
    hash: hashJson({ task: 'classify', data: data.hash, metrics: chosen }),
  };
  const numbers = new Map(classes.map((name, i) => [name, i]));
  const examples = (rows: readonly OwnRow[]): LabelledExample[] =>
    rows.map(({ inputs, answer }, i) => ({ id: String(i), texts: inputs, label: numbers.get(answer)! }));
  const [train, validation, test] = splitNames.map((name) => examples(data[name]));
  const splits = { source, train: train!, validation: validation!, test: test! };
  const task = classifyTask({
    name: `classify-${data.name}`,
    classes,
    metrics: chosen,
    columns: { texts, label },
  });
  return { task: { ...task, data: source, load: () => Promise.resolve(splits) }, data };
}

/** The classes of the training split, in order; throws UsageError where they cannot be told apart. */
function classesOf(data: OwnData, label: string): string[] {
  const found = new Set(data.train.map(({ answer }) => answer));
  const classes = data.classNames
    ? data.classNames.filter((name) => found.has(name))
    : [...found].sort(byValue);
  if (classes.length < 2) {
    throw new UsageError(
      `The column "${label}" has one class alone, "${classes[0]!}", in training; there must be two at least.`,
    );
  }
  for (const split of ['validation', 'test'] as const) {
    const other = data[split].find(({ answer }) => !found.has(answer));
    if (other === undefined) continue;
    const known = classes.length > 10 ? `${classes.slice(0, 10).join(', ')}, …` : classes.join(', ');
    throw new UsageError(
      `${other.where}: the class "${other.answer}" of ${label} does not occur in training, which has ${known}.`,
    );
  }
  return classes;
}

/** Numbers by their size, before texts by their signs. */
function byValue(a: string, b: string): number {
  const [x, y] = [Number(a), Number(b)];
  if (!Number.isNaN(x) && !Number.isNaN(y) && x !== y) return x - y;
  if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
  return a < b ? -1 : 1;
}

/** The task of a data set without its data, as reports take it. */
export function classifyTask({ name, classes, metrics: chosen, columns }: ClassDescription): LabelTask {
  const own = chosen.map((metric) => metrics[metric]);
  const question =
    classes.length > mostAsked ? `${columns.label}?` : `${columns.label}: ${classes.join(' or ')}?`;
  // A byte is a token at most, and the end token follows.
  const longest = Math.max(...classes.map((each) => Buffer.byteLength(each))) + 1;
  return {
    kind: 'label',
    name,
    label: name,
    version: 1,
    classes,
    metrics: own.map((metric): MetricInfo => ({
      name: metric.name,
      higherIsBetter: true,
      scale: 100,
      decimals: 1,
      resample: metric.resample,
    })),
    selection: own[0]!.name,
    defaults: {
      batchSize: 16,
      epochs: 10,
      warmup: 0.06,
      promptLength: 256,
      targetLength: Math.max(16, longest),
      maxNewTokens: Math.max(16, longest),
    },
    load: () => Promise.reject(new UsageError(`${name} is read from the user's file; give --data.`)),
    draw(data) {
      return { ...data, test: data.test! };
    },
    // The question stands before the texts, whose ends are cut where they are too long.
    write: ({ texts, label }) => ({
      input: [question, ...texts.map((each, i) => `${columns.texts[i]!}: ${each}`)].join(' '),
      target: classes[label]!,
    }),
    read: (answer) => classes.indexOf(answer.trim()),
    score: (predictions, labels) =>
      Object.fromEntries(own.map((metric) => [metric.name, metric.compute(labels, predictions)])),
  };
}
