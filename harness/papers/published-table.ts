/** A column of a published table: a metric of a task, as the task names it. */
export interface PublishedColumn {
  /** Of the column, the task's name but where a task has several. */
  readonly key: string;
  readonly task: string;
  readonly metric: string;
}

/** A printed row. */
export interface PublishedRow {
  /** As the paper calls the base. */
  readonly model: string;
  /** A method, or a variant such as `lora~rank=1`. */
  readonly method: string;
  readonly label: string;
  /** Trained parameters as printed: `0.02M`, or in percent of the base's: `0.015 %`. */
  readonly params?: string;
  /** In the order of the columns; null where only the average is published. */
  readonly values: readonly (number | null)[];
  readonly sds?: readonly number[];
  /** The average as printed, which may be rounded from other digits than those of the cells. */
  readonly average?: number;
  readonly turn?: string;
  /** From other people's work, not run by the authors. */
  readonly quoted?: true;
  readonly note?: string;
}

/** A published table of results. */
export interface ResultsTable {
  /** Such as `red/table-1`. */
  readonly id: string;
  readonly caption: string;
  readonly columns: readonly PublishedColumn[];
  /** How many are printed. */
  readonly decimals: number;
  readonly rows: readonly PublishedRow[];
  /**
   * The protocol, as `--protocol` takes it, under which its runs are most like the paper's; `published` where
   * absent.
   */
  readonly protocol?: readonly string[];
  /** Why rows that are quoted from others are not run. */
  readonly quotedFrom?: string;
  readonly note?: string;
}

/** A number in a paper's text. */
export interface Claim {
  readonly id: string;
  readonly value?: number;
  readonly unit?: string;
  readonly section: string;
  /** Absent where it cannot be checked. */
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
