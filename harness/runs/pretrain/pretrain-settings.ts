/**
 * Checks a request to pretrain and fills in what it leaves open: family, type of the weights, and the recipe.
 */
import { newFamilies, type NewFamily } from '../../models/bases/new-base.ts';
import { didYouMean, UsageError } from '../../support/errors.ts';
import { recipeSchema, type Recipe } from '../../training/recipe.ts';
import { checkOptions, parseOption, splitSetting, type Options } from '../plan/variants/option-values.ts';

/** Evaluations of a run, where its recipe does not say how many steps lie between two. */
export const EVALUATIONS = 10;

/** The types of written weights, by the names of `--dtype`, as safetensors calls them. */
export const dtypes = { float16: 'F16', float32: 'F32' } as const;
export type Dtype = keyof typeof dtypes;

/** Settings of the recipe where nothing else is asked for. */
const defaults: Options = {
  batchSize: 16,
  warmup: 0.05,
  schedule: 'cosine',
  weightDecay: 0.01,
  clip: 1,
  dropout: false,
};

/**
 * The learning rate: T5 begins with embeddings fifty times as large as the others', which small steps hardly
 * move.
 */
const learningRateOf = (family: NewFamily): number => (family === 't5' ? 1e-2 : 1e-3);

/** Throws UsageError where there is no such family. */
export function checkFamily(name: string): NewFamily {
  const found = newFamilies.find((known) => known === name);
  if (found) return found;
  throw new UsageError(
    `There is no family "${name}".${didYouMean(name, newFamilies)} There are ${newFamilies.join(', ')}.`,
  );
}

/** Throws UsageError where weights cannot be written in a type. */
export function checkDtype(name: string): Dtype {
  if (name in dtypes) return name as Dtype;
  throw new UsageError(`--dtype ${name}: it can be ${Object.keys(dtypes).join(' or ')}.`);
}

/** The recipe of a run; throws UsageError on a setting that does not exist. */
export function pretrainRecipe(settings: readonly string[], family: NewFamily, steps: number): Recipe {
  const given: Options = {
    ...defaults,
    learningRate: learningRateOf(family),
    evaluateEvery: Math.ceil(steps / EVALUATIONS),
  };
  for (const setting of settings) {
    const { key, value } = splitSetting(setting);
    given[key] = parseOption('pretrain', recipeSchema, key, value);
  }
  // Every parameter has a gradient here, and adding them up over micro-batches takes as long as the products.
  given.microBatch ??= given.batchSize;
  return checkOptions('pretrain', recipeSchema, given) as Recipe;
}
