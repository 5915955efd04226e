/**
 * The form of a task and of its data. A reader in ../sets reads the rows of the source's files. For a text
 * task it makes pairs of them (TextPair: input and target) and, for the test split, items (TestItem: one
 * input, all its references); for a label task it makes examples (LabelledExample). `encode` turns a pair or
 * an item into a token pair (TokenPair). An encoder takes an example as LabelledTokens; for a model that
 * generates, `asTextTask` first writes each example as a pair or an item.
 */
import type { FetchOptions } from '../hub/connection.ts';
import type { LabelledTest, SampledMetric } from '../../metrics/resampling/sampled-metric.ts';
import type { Tokenizer } from '../tokenizers/tokenizer.ts';
import type { TemplateName } from './prompt-templates.ts';

/**
 * Where a task's data comes from: deltabench makes it, the hub, or a folder (DELTABENCH_DATA, `--data DIR`).
 */
export type DataSource =
  | { readonly kind: 'built-in' }
  | { readonly kind: 'hub' }
  | { readonly kind: 'folder'; readonly path: string }
  /** The data set of the tasks `text` and `classify`: one file, or a folder with a file for each split. */
  | { readonly kind: 'own'; readonly path: string };

/** One pair to train on; the loss counts the target's tokens alone. */
export interface TextPair {
  /** One text, or two texts, each of which the encoding ends with an end token. */
  readonly input: string | readonly string[];
  readonly target: string;
}
/** One distinct input of a test split, with every reference that answers it. */
export interface TestItem {
  readonly id: string;
  readonly input: TextPair['input'];
  readonly references: readonly string[];
  /** The class or value of the example that this item was made of; absent for text tasks' own items. */
  readonly label?: number;
  /** The name of the further test set (`alsoTest`) that holds the item; absent for the main test set. */
  readonly set?: string;
}
/** A text task's data: pairs to train and validate on, items to answer. */
export interface Splits {
  /** Name, form and content hash of the data; part of a cell's identity. */
  readonly source: { readonly name: string; readonly form: string; readonly hash: string };
  readonly train: readonly TextPair[];
  readonly validation: readonly TextPair[];
  /** The validation pairs as items, where a metric of the generated answers chooses the checkpoint. */
  readonly validationItems?: readonly TestItem[];
  readonly test: readonly TestItem[];
}

/** A metric, and how tables print it. */
export interface MetricInfo {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Tables print value × scale with this many decimals. */
  readonly scale: number;
  readonly decimals: number;
  /** The further test set (`alsoTest`) that the metric is computed on; absent for the main test set. */
  readonly set?: string;
  /**
   * Computes the metric for any sample of a test's labels and predictions; the significance marks of tables
   * need it. Without it, a label task's `score` is called for each sample, which is slower; a text task has
   * `resampler` for this.
   */
  readonly resample?: (test: LabelledTest) => SampledMetric;
  /** How many resamples the marks take: 10,000 where absent; slow metrics set fewer. */
  readonly resamples?: number;
}

/** A metric's name in records and tables for a test set: `accuracy`, or `accuracy (mismatched)`. */
export function metricName(metric: string, set: string | undefined): string {
  return set === undefined ? metric : `${metric} (${set})`;
}

/** The hyper-parameters by which texts become tokens. */
export interface Writing {
  /** Most tokens of a prompt. */
  readonly promptLength: number;
  /** Most tokens of a target. */
  readonly targetLength: number;
  /** Most tokens of both together; absent, the two limits alone hold. */
  readonly length?: number | undefined;
  /** The template of prompts; absent, the task's own. */
  readonly template?: TemplateName | undefined;
}

/** A pair or an item as token ids; the target is empty for an item. */
export interface TokenPair {
  readonly prompt: readonly number[];
  readonly target: readonly number[];
}

/** An item with the text that a model generated for it. */
export interface Prediction extends TestItem {
  readonly prediction: string;
}

/**
 * A test split's metrics by name, and in `segments` those of each single prediction, where such a metric
 * exists.
 */
export interface TestScore {
  readonly metrics: Readonly<Record<string, number>>;
  readonly segments?: readonly Readonly<Record<string, number>>[];
}

/** Approximate size of a data set. */
export interface DataSize {
  /** Number of examples in each split that a run uses; `test` counts further test sets too. */
  readonly train: number;
  readonly validation: number;
  readonly test: number;
  /** Average number of tokens in an example with its answer. */
  readonly tokens: number;
}

/**
 * The properties that text tasks and label tasks share. Each file of tasks/ exports one task as default, and
 * the task's name is the file's name.
 */
interface TaskBase {
  readonly name: string;
  readonly label: string;
  /** The groups that it belongs to: `--task glue` asks for all tasks of one. */
  readonly groups?: readonly string[];
  /** Raised with every change that would alter scores; scores of different versions are never mixed. */
  readonly version: number;
  /** Every metric that a score may hold, in the order of the tables. */
  readonly metrics: readonly MetricInfo[];
  /** Size of its data, from which time and memory are estimated; without it there are no estimates. */
  readonly sizes?: DataSize;
  /** Size of the data that deltabench makes for the task; absent where it equals `sizes`. */
  readonly builtinSizes?: DataSize;
  /** What its data is, where it has been read already: on a user's own file. */
  readonly data?: Splits['source'];
  /** Hyper-parameters (recipe keys) for the task where no recipe sets them. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /**
   * The evaluations of what a run trained, unless `--evaluations` names others: evaluations or groups, each
   * alone or with settings, `mmlu~shots=5,protocol=red`.
   */
  readonly evaluations?: readonly string[];
  /** The evaluations of what was trained on the data that deltabench makes; `evaluations` where absent. */
  readonly builtinEvaluations?: readonly string[];
}

/** Properties of a run, besides its data, on which its splits, written examples and scores may depend. */
export interface Draw {
  readonly seed: number;
  /** The base's family, such as `roberta`. */
  readonly family: string;
  /** The side of a discrepancy (by id) that the run's protocol takes: paper, code or corrected. */
  side(discrepancy: string): string;
}

/** A task whose answers are texts. */
export interface TextTask extends TaskBase {
  readonly kind: 'text';
  /**
   * The metric of the generated validation answers that chooses the checkpoint; the validation loss where
   * absent.
   */
  readonly selection?: string;
  /** Reads the splits. Throws UsageError where data is missing or malformed. */
  load(source: DataSource, options?: FetchOptions): Promise<Splits>;
  /**
   * Chooses the pairs and items of a run where they depend on its base or protocol; they never depend on the
   * seed.
   */
  draw?(splits: Splits, draw: Omit<Draw, 'seed'>): Splits;
  /**
   * Encodes an input with its target for a model that generates, each cut to its limit in tokens. For a test
   * input, `target` is undefined and the encoded target is empty.
   */
  encode(
    input: TextPair['input'],
    target: string | undefined,
    tokenizer: Tokenizer,
    writing: Writing,
  ): TokenPair;
  /** Whether `encode` writes prompts by the template that is asked for. */
  readonly hasTemplates?: true;
  /** Turns a generated text into the form that is scored. */
  clean(text: string): string;
  /** Scores a split's predictions; every metric returned is listed in `metrics`. */
  score(predictions: readonly Prediction[], draw: Draw): Promise<TestScore>;
  /**
   * For references that many runs share, prepares a function that takes predicted texts and returns metrics
   * by name, each computed for any sample of the test. A metric that is not returned is resampled as the mean
   * of `segments` where it is that mean.
   */
  resampler?(
    references: readonly (readonly string[])[],
  ): Promise<(predictions: readonly string[]) => Readonly<Record<string, SampledMetric>>>;
}

/** One example whose answer is a class or a number. */
export interface LabelledExample {
  readonly id: string;
  /** One sentence, or two. */
  readonly texts: readonly string[];
  /** The class's number, or the value. */
  readonly label: number;
}
/** A label task's examples, split as the source splits them. */
export interface LabelledData {
  readonly source: Splits['source'];
  readonly train: readonly LabelledExample[];
  readonly validation: readonly LabelledExample[];
  /** The source's own labelled test split; where absent, `draw` takes one from the validation split. */
  readonly test?: readonly LabelledExample[];
  /** Further test sets by name; `metricName` names their metrics. */
  readonly alsoTest?: Readonly<Record<string, readonly LabelledExample[]>>;
}
/** The splits of one run, test split included. */
export interface LabelledSplits extends LabelledData {
  readonly test: readonly LabelledExample[];
}

/**
 * A task whose answers are classes or numbers: an encoder's head predicts them, other models write them as
 * text.
 */
export interface LabelTask extends TaskBase {
  readonly kind: 'label';
  /** Names of the classes, by number; absent where the answer is a value. */
  readonly classes?: readonly string[];
  /** The metric of the validation split that chooses the checkpoint. */
  readonly selection: string;
  /** Reads the examples. Throws UsageError where data is missing or malformed. */
  load(source: DataSource, options?: FetchOptions): Promise<LabelledData>;
  /** Chooses the examples that a run trains on, validates and tests with. */
  draw(data: LabelledData, draw: Draw): LabelledSplits;
  /** Writes an example as the pair that a model which generates is trained on or asked. */
  write(example: LabelledExample, draw: Draw): TextPair;
  /** Reads a generated answer as a class or a value; a number that is no class counts as wrong. */
  read(text: string, draw: Draw): number;
  /** Computes a split's metrics by name from predicted classes or values and the true labels. */
  score(
    predictions: readonly number[],
    labels: readonly number[],
    draw: Draw,
  ): Readonly<Record<string, number>>;
}

/** A task of either kind. */
export type Task = TextTask | LabelTask;

/** A labelled example as the token ids that an encoder takes, special tokens included. */
export interface LabelledTokens {
  readonly ids: readonly number[];
  /** For each token 0 (first text) or 1 (second text), where the tokenizer has token types. */
  readonly types: readonly number[];
  readonly label: number;
}
