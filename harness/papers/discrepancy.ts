/**
 * The form of a discrepancy: where a paper, its released code and good practice differ. The papers' folders
 * list theirs.
 */

/** The sides of a disagreement between a paper, its released code and good practice; a run takes one. */
export const sides = ['paper', 'code', 'corrected'] as const;
export type Side = (typeof sides)[number];

/** A disagreement, with what each side does. */
export interface Discrepancy {
  readonly id: string;
  readonly what: string;
  readonly tasks: readonly string[];
  /** The bases, methods and families (by the paper's names) to which it applies; all if absent. */
  readonly models?: readonly string[];
  readonly methods?: readonly string[];
  readonly families?: readonly string[];
  /** `official`: it does not apply to built-in data, which come divided into splits. */
  readonly data?: 'official';
  /** The effect of each side, for the foot of a table. */
  readonly says: Readonly<Record<Side, string>>;
  /** The hyper-parameters that each side sets. */
  readonly settings?: Readonly<Record<Side, Readonly<Record<string, unknown>>>>;
  /** The sides that use other seeds than the recipe. */
  readonly seeds?: readonly SeedChoice[];
  /** The side that `recommended` takes. */
  readonly suggested: Side;
  /** The side that most likely gave the printed numbers (`published`); absent if unknown. */
  readonly reproduces?: Side;
  /**
   * What another side changes in the printed tables: numbers of different sides are different experiments.
   */
  readonly changes?: Change;
}

/** The published tables that a discrepancy changes, by their ids, and how. */
export interface Change {
  readonly what: 'data' | 'metric' | 'decoding' | 'training';
  readonly tables: readonly string[];
}

/** The seeds that a side uses for some bases, and how many it averages: the best by the first test metric. */
export interface SeedChoice {
  readonly side: Side;
  readonly models: readonly string[];
  readonly seeds: readonly number[];
  readonly keepBest?: number;
}
