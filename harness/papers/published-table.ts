/** The form of tables and claims that papers print. */

/** A column of a published table: a metric of a task, as the task names it. */
export interface PublishedColumn {
  /** The name of the column: the task's, if the task has one column. */
  readonly key: string;
  readonly task: string;
  readonly metric: string;
}

/** A printed row. */
export interface PublishedRow {
  /** The base as the paper calls it. */
  readonly model: string;
  /** The method or a variant, such as `lora~rank=1`. */
  readonly method: string;
  readonly label: string;
  /** Trained parameters as printed: `0.02M`, exact as `9,485,280`, or in percent of the base: `0.015 %`. */
  readonly params?: string;
  /** The numbers in the order of the columns; null if only the average is published. */
  readonly values: readonly (number | null)[];
  readonly sds?: readonly number[];
  /** The average as printed, which may have been rounded from unprinted digits. */
  readonly average?: number;
  readonly turn?: string;
  /** True for numbers of other work, which the authors did not run. */
  readonly quoted?: true;
  /** Settings of its own, as --set takes them, on the paper's base. */
  readonly settings?: readonly string[];
  /** Why no run stands for it, whatever is asked. */
  readonly reason?: string;
  readonly note?: string;
}

/** A published table of results. */
export interface ResultsTable {
  /** The id, such as `red/table-1`. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly PublishedColumn[];
  /** The number of printed decimals. */
  readonly decimals: number;
  readonly rows: readonly PublishedRow[];
  /**
   * The protocol, as `--protocol` takes it, under which its runs are most like the paper's; `published` where
   * absent.
   */
  readonly protocol?: readonly string[];
  /** Where columns are evaluations of what one task trains: that task, and the protocol that they ask by. */
  readonly evaluates?: { readonly task: string; readonly protocol: string };
  /** The reason why quoted rows are not run. */
  readonly quotedFrom?: string;
  readonly note?: string;
}

/** A number in a paper's text. */
export interface Claim {
  readonly id: string;
  readonly value?: number;
  readonly unit?: string;
  readonly section: string;
  /** Whether the tables bear it out; absent if it cannot be checked. */
  readonly holds?: boolean | 'partly';
  readonly check?: string;
}

/** The metric that both papers print for each task of GLUE. */
export const glueMetrics = {
  mnli: 'accuracy',
  sst2: 'accuracy',
  mrpc: 'accuracy',
  cola: 'Matthews',
  qnli: 'accuracy',
  qqp: 'accuracy',
  rte: 'accuracy',
  stsb: 'Pearson',
} as const;
