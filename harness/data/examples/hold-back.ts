/**
 * Holds back training pairs to validate on, for runs whose recipe asks for it (`validationExamples`): the
 * training sets of instructions come without a validation split.
 */
import { UsageError } from '../../support/errors.ts';
import { numpyGeneratorPermutation } from '../random/numpy-permutation.ts';
import type { Splits } from './task.ts';

/** The seed of LLM-Adapters' finetune.py, whatever the seed of the run is. */
const SEED = 42;

/**
 * Divides the training pairs as LLM-Adapters does, by datasets' `train_test_split(test_size=count, seed=42)`:
 * the first of a permutation validate, in place of the data's own; the others train, in its order. Throws
 * UsageError where none would be left to train.
 */
export function holdBack(splits: Splits, count: number): Splits {
  const { train, source } = splits;
  if (count >= train.length)
    throw new UsageError(
      `validationExamples=${count}: ${source.name} has ${train.length} training examples, of which some must be ` +
        'left to learn; hold back fewer.',
    );
  const order = numpyGeneratorPermutation(SEED, train.length);
  const pairsAt = (places: Int32Array): Splits['train'] => Array.from(places, (at) => train[at]!);
  return {
    ...splits,
    train: pairsAt(order.subarray(count)),
    validation: pairsAt(order.subarray(0, count)),
  };
}
