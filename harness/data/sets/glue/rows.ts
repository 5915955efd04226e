/** The names of GLUE's tasks and the form of their rows, which the files and the built-in data share. */

export const glueNames = ['cola', 'mnli', 'mrpc', 'qnli', 'qqp', 'rte', 'sst2', 'stsb'] as const;
export type GlueName = (typeof glueNames)[number];

/** One example of GLUE (Wang et al., 2019). */
export interface GlueRow {
  /** Its place in its file, from 0. */
  readonly id: string;
  /** A sentence, or a pair of them; unchanged, spaces at the ends included. */
  readonly texts: readonly string[];
  /** The number of the class, or a similarity from 0 to 5 (stsb). */
  readonly label: number;
}
