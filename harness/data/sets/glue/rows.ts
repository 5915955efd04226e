/**
 * Names of GLUE's tasks and the form of their rows, for load.ts (files and hub) and synthetic/ (built-in
 * data).
 */

export const glueNames = ['cola', 'mnli', 'mrpc', 'qnli', 'qqp', 'rte', 'sst2', 'stsb'] as const;
/** The name of a GLUE task. */
export type GlueName = (typeof glueNames)[number];

/** One labelled example of GLUE (Wang et al., 2019). */
export interface GlueRow {
  /** The row's index in its file, from 0. */
  readonly id: string;
  /** One sentence, or two, unchanged: spaces at the ends are kept. */
  readonly texts: readonly string[];
  /** The class's number, or a similarity from 0 to 5 (stsb). */
  readonly label: number;
}
