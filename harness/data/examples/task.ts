import type { FetchOptions } from '../hub/connection.ts';
import type { LabelledTest, SampledMetric } from '../../metrics/resampling/sampled-metric.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';

/**
 * Where a task's data comes from: made by deltabench itself, the hub, or a folder (DELTABENCH_DATA or `--data
 * DIR`).
 */
export type DataSource =
  | { readonly kind: 'built-in' }
  | { readonly kind: 'hub' }
  | { readonly kind: 'folder'; readonly path: string };

/** One training example: the loss is on the target alone. */
export interface TextPair {
  /** A text, or two that the end token parts. */
  readonly input: string | readonly string[];
  readonly target: string;
}
/** One distinct input of a test split, with everything that may answer it. */
export interface TestItem {
  readonly id: string;
  readonly input: TextPair['input'];
  readonly references: readonly string[];
  /** What a task of classes or values says of it. */
  readonly label?: number;
  /** The further test set that it belongs to; the main one where absent. */
  readonly set?: string;
}
export interface Splits {
  /** Says which data these are, by name, form and content; part of a cell's identity. */
  readonly source: { readonly name: string; readonly form: string; readonly hash: string };
  readonly train: readonly TextPair[];
  readonly validation: readonly TextPair[];
  /** The same examples as items to answer, where a metric of the answers chooses the checkpoint. */
  readonly validationItems?: readonly TestItem[];
  readonly test: readonly TestItem[];
}

/** A metric as tables show it. */
export interface MetricInfo {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Tables print value × scale with so many decimals. */
  readonly scale: number;
  readonly decimals: number;
  /** The further test set (`alsoTest`) that it is a metric of; the main one where absent. */
  readonly set?: string;
  /**
   * The metric of any sample of a test's labels and predictions, for the marks of tables. Absent, each sample
   * goes through
   * the `score` of a label task, which takes longer; a text task resamples in its `resampler`.
   */
  readonly resample?: (test: LabelledTest) => SampledMetric;
  /** How many resamples the marks take; 10,000 where absent, fewer for a metric that takes long. */
  readonly resamples?: number;
}

/** A metric's name for a test set, as records and tables have it: `accuracy`, `accuracy (mismatched)`. */
export function metricName(metric: string, set: string | undefined): string {
  return set === undefined ? metric : `${metric} (${set})`;
}

/** An example as token ids. */
export interface TokenPair {
  readonly prompt: readonly number[];
  readonly target: readonly number[];
}

export interface Prediction extends TestItem {
  readonly prediction: string;
}

/** Metrics of a test split by name, and those of each prediction by itself where they have a meaning. */
export interface TestScore {
  readonly metrics: Readonly<Record<string, number>>;
  readonly segments?: readonly Readonly<Record<string, number>>[];
}

/** About how large a data set is. */
export interface DataSize {
  /** Examples of the splits as a run uses them, further test sets included. */
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** Tokens of an example with its answer, on average. */
  readonly tokens: number;
}

/** What every task has: a file in tasks/ that exports it as default, under its file's name. */
interface TaskBase {
  readonly name: string;
  readonly label: string;
  /** Raised whenever its scores would change; scores of different versions are never mixed. */
  readonly version: number;
  /** Every metric that a score may have, in the order of the tables. */
  readonly metrics: readonly MetricInfo[];
  /** How large its data is, for estimates of time and memory; these are unknown where it is absent. */
  readonly sizes?: DataSize;
  /** How large the data is that deltabench makes for it; `sizes` where absent. */
  readonly builtinSizes?: DataSize;
  /** Hyper-parameters (recipe keys) that suit it where no recipe says otherwise. */
  readonly defaults: Readonly<Record<string, unknown>>;
}

/** What a task's splits, and how it is written and scored, may depend on besides the data. */
export interface Draw {
  readonly seed: number;
  /** The base's family, such as `roberta`. */
  readonly family: string;
  /** Which side of a discrepancy, by id, the run's protocol takes: paper, code or corrected. */
  side(discrepancy: string): string;
}

/** A task whose answers are text. */
export interface TextTask extends TaskBase {
  readonly kind: 'text';
  /** Which of its metrics, on the validation split's answers, chooses the checkpoint; the loss where absent. */
  readonly selection?: string;
  /** Throws UsageError where the data is missing or malformed. */
  load(source: DataSource, options?: FetchOptions): Promise<Splits>;
  /** What a run trains on, validates and tests with, where that depends on more than the data; never on the seed. */
  draw?(splits: Splits, draw: Omit<Draw, 'seed'>): Splits;
  /** Token ids of one example for a decoder, cut to the lengths given; `target` is empty for a test input. */
  encode(
    input: TextPair['input'],
    target: string | undefined,
    tokenizer: Tokenizer,
    limits: { promptLength: number; targetLength: number },
  ): TokenPair;
  /** What a generated text counts as. */
  clean(text: string): string;
  /** A split's score; its metrics are among the task's. */
  score(predictions: readonly Prediction[]): Promise<TestScore>;
  /**
   * Makes the task's metrics, by name, for any sample of a test, from the predicted texts; it is called once for the
   * references that many runs share. A metric that it lacks is resampled as the mean of `segments`, if it is that.
   */
  resampler?(
    references: readonly (readonly string[])[],
  ): Promise<(predictions: readonly string[]) => Readonly<Record<string, SampledMetric>>>;
}

/** One example whose answer is a class or a number. */
export interface LabelledExample {
  readonly id: string;
  /** A sentence, or a pair of them. */
  readonly texts: readonly string[];
  /** The number of the class, or the value. */
  readonly label: number;
}
/** Labelled examples as the task's source parts them. */
export interface LabelledData {
  readonly source: Splits['source'];
  readonly train: readonly LabelledExample[];
  readonly validation: readonly LabelledExample[];
  /** Where the source has one; others draw theirs from the validation set. */
  readonly test?: readonly LabelledExample[];
  /** Further test sets by name; their metrics are named by `metricName`. */
  readonly alsoTest?: Readonly<Record<string, readonly LabelledExample[]>>;
}
/** The splits of one run. */
export interface LabelledSplits extends LabelledData {
  readonly test: readonly LabelledExample[];
}

/** A task whose answers are classes or numbers: a head on an encoder gives them, other models write them as text. */
export interface LabelTask extends TaskBase {
  readonly kind: 'label';
  /** Names of the classes, by number; absent where the answer is a value. */
  readonly classes?: readonly string[];
  /** Which of its metrics, on the validation split, chooses the checkpoint. */
  readonly selection: string;
  /** Throws UsageError where the data is missing or malformed. */
  load(source: DataSource, options?: FetchOptions): Promise<LabelledData>;
  /** What a run trains on, validates and tests with. */
  draw(data: LabelledData, draw: Draw): LabelledSplits;
  /**
   * How a model that generates is asked, and what its answer counts as: a class (one that there is none of is
   * wrong) or a value.
   */
  write(example: LabelledExample, draw: Draw): TextPair;
  read(text: string, draw: Draw): number;
  /** A split's metrics, by name; classes or values predicted, and the labels. */
  score(
    predictions: readonly number[],
    labels: readonly number[],
    draw: Draw,
  ): Readonly<Record<string, number>>;
}

export type Task = TextTask | LabelTask;

/** An example as an encoder takes it, special tokens included. */
export interface LabelledTokens {
  readonly ids: readonly number[];
  /** 0 for the first text, 1 for the second, where the tokenizer tells them apart. */
  readonly types: readonly number[];
  readonly label: number;
}
