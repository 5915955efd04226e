import type { Tokenizer } from './tokenizer.ts';

/** Where a task's data comes from: `hub`, or a folder (DELTABENCH_DATA or `--data DIR`). */
export type DataSource = { readonly kind: 'hub' } | { readonly kind: 'folder'; readonly path: string };

/** One training example: the loss is on the target alone. */
export interface TextPair {
  readonly input: string;
  readonly target: string;
}
/** One distinct input of a test split, with everything that may answer it. */
export interface TestItem {
  readonly id: string;
  readonly input: string;
  readonly references: readonly string[];
}
export interface Splits {
  /** Says which data these are, by name, form and content; part of a cell's identity. */
  readonly source: { readonly name: string; readonly form: string; readonly hash: string };
  readonly train: readonly TextPair[];
  readonly validation: readonly TextPair[];
  readonly test: readonly TestItem[];
}

/** A metric as tables show it. */
export interface MetricInfo {
  readonly name: string;
  readonly higherIsBetter: boolean;
  /** Tables print value × scale with so many decimals. */
  readonly scale: number;
  readonly decimals: number;
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

/** One task: a file in tasks/ that exports it as default, under its file's name. */
export interface Task {
  readonly name: string;
  readonly label: string;
  /** Raised whenever its scores would change; scores of different versions are never mixed. */
  readonly version: number;
  /** Every metric that a score may have, in the order of the tables. */
  readonly metrics: readonly MetricInfo[];
  /** Hyper-parameters (recipe keys) that suit it where no recipe says otherwise. */
  readonly defaults: Readonly<Record<string, unknown>>;
  /** Throws UsageError where the data is missing or malformed. */
  load(source: DataSource): Promise<Splits>;
  /** Token ids of one example for a decoder, cut to the lengths given; `target` is empty for a test input. */
  encode(
    input: string,
    target: string | undefined,
    tokenizer: Tokenizer,
    limits: { promptLength: number; targetLength: number },
  ): TokenPair;
  /** What a generated text counts as. */
  clean(text: string): string;
  /** The test split's score; its metrics are among the task's. */
  score(predictions: readonly Prediction[]): Promise<TestScore>;
}
