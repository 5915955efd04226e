/** A request for runs, the plan that is made of it, and its cells. */
import type { Task, DataSource } from '../../data/examples/task.ts';
import type { Precision } from '../../engine/types.ts';
import type { Protocol } from '../../papers/protocol.ts';
import type { Recipe } from '../../training/recipe.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { StartingAdapter } from './starting-adapter.ts';
import type { Variant, Origins } from './variant.ts';
import type { CellAddress } from '../../records/record-files.ts';

/** What a person asked for. */
export interface RunRequest {
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  /** An adapter to begin with, instead of methods; of one model. */
  readonly adapter?: string | undefined;
  /** The built-in base of each task where empty. */
  readonly models: readonly string[];
  /** `recommended`, a side, or single entries `id=side`. */
  readonly protocol?: readonly string[];
  /** Those of the protocol, of the recipe, or 42 where absent. */
  readonly seeds?: readonly number[] | undefined;
  /** The base whose published recipe is followed, or `none`; the model's own where absent. */
  readonly recipe?: string | undefined;
  /** `key=value` each: hyper-parameters, or options of the methods that have them. */
  readonly settings: readonly string[];
  /** `key=a,b` each: cells for every combination of the values, which beat `settings`. */
  readonly sweep?: readonly string[] | undefined;
  /** Every method's named ablations, too. */
  readonly ablations?: boolean | undefined;
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  /** Of matrix products; float32 where absent. */
  readonly precision?: string | undefined;
  /** Trades time for memory in training. */
  readonly recompute?: boolean | undefined;
  readonly maxSteps?: number | undefined;
  /** Examples of every split. */
  readonly limit?: number | undefined;
  readonly results: string;
  /** `built-in`, `hub` or a folder; where absent DELTABENCH_DATA, else built-in data for a built-in base and the hub's for others. */
  readonly data?: string | undefined;
  /** A folder that holds the tokenizer; the model's own where absent. */
  readonly tokenizer?: string | undefined;
}

/** One run to do: everything but the hashes of data and base, which are known once these are opened. */
export interface Cell {
  readonly task: Task;
  readonly model: string;
  readonly variant: Variant;
  /** What earlier versions called the variant, which wrote out a recipe's options; the same name where there are none. */
  readonly formerly: string;
  /** What training begins with, if not as the method does. */
  readonly start?: StartingAdapter | undefined;
  readonly recipe: Recipe;
  /** The base whose published recipe is followed, as the paper calls it, or `none`. */
  readonly published: string;
  /** Where its settings come from: the options of each part of the variant, the recipe, the seed and the data. */
  readonly origins: {
    readonly options: readonly Origins[];
    readonly recipe: Origins;
    readonly seed: string;
    readonly data: string;
  };
  readonly seed: number;
  readonly source: DataSource;
  readonly protocol: Protocol;
  readonly precision: Precision;
  readonly limits: { readonly examples: number | null; readonly steps: number | null };
}
export interface Plan {
  readonly cells: readonly Cell[];
  readonly results: string;
  /** Where tokenizers lie, as loadBase takes it. */
  readonly base: { readonly tokenizer: string | undefined; readonly data: string | undefined };
  readonly engine: EngineChoice;
}

/** Where a cell's record lies. */
export function addressOf({ task, model, variant, formerly, seed }: Cell): CellAddress {
  return { task: task.name, model, variant: variant.name, formerly, seed };
}
