/** A request for runs, the plan that is made of it, and its cells: the words that all of runs/ shares. */
import type { DataSource, Task } from '../../data/examples/task.ts';
import type { Precision } from '../../engine/types.ts';
import type { BaseWeights } from '../../models/bases/base-weights.ts';
import type { BaseOptions } from '../../models/bases/load-base.ts';
import type { Protocol } from '../../papers/protocol.ts';
import type { CellAddress } from '../../records/record-files.ts';
import type { Recipe } from '../../training/recipe.ts';
import type { GivenOptions } from '../own-tasks/options.ts';
import type { TunedRecipe } from '../tune/recipe-file.ts';
import type { EngineChoice } from './engine-choice.ts';
import type { Origins } from './variants/option-values.ts';
import type { StartingAdapter } from './starting-adapter.ts';
import type { Variant } from './variants/variant.ts';

/** One point of a search space, for one of the methods that were asked for. */
export interface Trial {
  readonly method: string;
  /** `key=value` each. */
  readonly settings: readonly string[];
}

/**
 * What a person asked for. It is JSON, so that it can be sent to another process, which plans the same cells.
 */
export interface RunRequest {
  readonly tasks: readonly string[];
  readonly methods: readonly string[];
  /** An adapter to begin with, instead of `methods`; it belongs to one base. */
  readonly adapter?: string | undefined;
  /** Base models; where empty, each task takes its built-in base. */
  readonly models: readonly string[];
  /** `recommended`, a side, or single entries `id=side`. */
  readonly protocol?: readonly string[];
  /** Seeds; where absent those of the protocol, else of the recipe, else 42. */
  readonly seeds?: readonly number[] | undefined;
  /**
   * The base whose published recipe is followed, `none`, or a file of tuned recipes; where absent, the model's
   * own.
   */
  readonly recipe?: string | undefined;
  /** `key=value` each: hyper-parameters, or options of the methods that have them. */
  readonly settings: readonly string[];
  /** `key=a,b` each: cells for every combination of the values, which win over `settings`. */
  readonly sweep?: readonly string[] | undefined;
  /** Numbers of training examples, or `all`: cells for each. */
  readonly trainExamples?: readonly string[] | undefined;
  /** Trials of tuning: settings, of which each list makes a cell of the method that it is for. */
  readonly trials?: readonly Trial[] | undefined;
  /** Judges runs by validation alone and leaves the test split out, as trials of tuning are. */
  readonly judgedOn?: 'validation' | undefined;
  /**
   * The evaluations of what is trained, `none` for none; those that each task names where absent.
   */
  readonly evaluations?: readonly string[] | undefined;
  /** Adds every method's named ablations. */
  readonly ablations?: boolean | undefined;
  /** Adds the frozen base and answers without a model, as far as they say something of a task. */
  readonly standingRows?: boolean | undefined;
  readonly engine: string;
  readonly device?: string | undefined;
  readonly threads?: number | undefined;
  /** Precision of matrix products; float32 where absent. */
  readonly precision?: string | undefined;
  /** How the weights of the base's linear modules are kept, as `--base-weights` takes it. */
  readonly baseWeights?: string | undefined;
  /** Trades time for memory in training. */
  readonly recompute?: boolean | undefined;
  /** Trains cells that differ in nothing but their seed in one program. */
  readonly batchSeeds?: boolean | undefined;
  readonly maxSteps?: number | undefined;
  /** Uses only so many examples of every split. */
  readonly limit?: number | undefined;
  /** The folder of the records. */
  readonly results: string;
  /**
   * `built-in`, `hub` or a folder. Where absent: DELTABENCH_DATA, else built-in data for a built-in base and
   * the hub's for others.
   */
  readonly data?: string | undefined;
  /** Options of the tasks `text` and `classify`, which are on the file or folder that `data` names. */
  readonly own?: GivenOptions | undefined;
  /** A folder that holds the tokenizer; the model's own where absent. */
  readonly tokenizer?: string | undefined;
}

/**
 * One run to do, with all settings but the hashes of data and base, which are known once these are opened.
 */
export interface Cell {
  readonly task: Task;
  readonly model: string;
  readonly variant: Variant;
  /** The variant's name in earlier versions, which wrote out the options of a recipe. */
  readonly formerly: string;
  /** The adapter that training begins with; undefined where it begins as the method does. */
  readonly start?: StartingAdapter | undefined;
  readonly recipe: Recipe;
  /** The base whose published recipe is followed, as the paper calls it, or `none`. */
  readonly published: string;
  /** The tuned recipe that is followed instead. */
  readonly tuned?: Pick<TunedRecipe, 'source'> | undefined;
  /** The trial of tuning that it is. */
  readonly trial?: Trial | undefined;
  /** Set where the test split is left out. */
  readonly judgedOn?: 'validation' | undefined;
  /**
   * Where its settings come from: the options of each part of the variant, the recipe, the seed and the data.
   */
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
  /** How the weights of linear modules are kept, where that was asked for; null is float32. */
  readonly baseWeights: BaseWeights | null | undefined;
  readonly limits: { readonly examples: number | null; readonly steps: number | null };
}

/** All cells of a request, and what they share. */
export interface Plan {
  readonly cells: readonly Cell[];
  readonly results: string;
  /** How bases are opened, as loadBase takes it. */
  readonly base: Pick<BaseOptions, 'tokenizer' | 'data' | 'baseWeights'>;
  readonly engine: EngineChoice;
  /** What was read of the user's own data, a line each; empty for other tasks. */
  readonly read: readonly string[];
}

/** Where a cell's record lies. */
export function addressOf({ task, model, variant, formerly, seed }: Cell): CellAddress {
  return { task: task.name, model, variant: variant.name, formerly, seed };
}
