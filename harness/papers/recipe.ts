/** The form of a recipe that a paper prints. */

/** Hyper-parameters that a paper prints for a base, a task and a method. */
export interface PaperRecipe {
  /** The table that prints it, such as `red/table-9`. */
  readonly source: string;
  readonly model: string;
  readonly task: string;
  readonly method: string;
  /** Hyper-parameters by recipe key; values that the paper does not state are absent. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The method's options. */
  readonly options: Readonly<Record<string, unknown>>;
  readonly seeds: readonly number[];
}
