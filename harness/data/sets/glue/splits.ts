import type { Glue } from './load.ts';
import type { GlueName, GlueRow } from './rows.ts';
import { numpyPermutation } from '../../random/numpy-permutation.ts';
import type { Draw } from '../../examples/task.ts';

export interface GlueSplits {
  readonly train: readonly GlueRow[];
  readonly validation: readonly GlueRow[];
  readonly test: readonly GlueRow[];
}

/** Draws the one split of all seeds, where `split-seeded` is corrected. */
const fixedSeed = 42;
/** Large tasks keep so many examples for validation, small ones half of them. */
const validationSize = 1000;
const large: readonly GlueName[] = ['mnli', 'qnli', 'qqp'];

/**
 * GLUE's test labels are not public, so the RED paper draws validation and test from the official validation
 * set, and its
 * code from numpy's permutation of the seed (load_glue_data_final and load_glue_data_t5): the first 1,000 of mnli, qnli
 * and qqp and the first half of the others validate, the rest is the test. What differs are entries of the protocol:
 * - `split-seeded`: corrected draws one split for all seeds;
 * - `split-cola`: the code swaps CoLA's halves for encoders, the paper's sizes have them swapped throughout;
 * - `split-rte`: the paper has 139 and 138 examples, the code 138 and 139;
 * - `split-t5`: the code takes T5's validation set of mnli, qnli, qqp and sst2 from the training set and
 * tests on all of
 *   the official validation set.
 */
export function drawGlueSplits(
  name: GlueName,
  { train, validation, test }: Pick<Glue, 'train' | 'validation' | 'test'>,
  { seed, family, side }: Draw,
): GlueSplits {
  // Data that have a labelled test set need no drawing.
  if (test) return { train, validation, test };
  const drawing = side('split-seeded') === 'corrected' ? fixedSeed : seed;
  const isT5 = family === 't5';
  const fromTraining = isT5 && (large.includes(name) || name === 'sst2') && side('split-t5') === 'code';
  if (fromTraining) {
    const order = numpyPermutation(drawing, train.length);
    const cut = Math.min(validationSize, Math.floor(train.length / 2));
    return {
      train: pick(train, order.subarray(cut)),
      validation: pick(train, order.subarray(0, cut)),
      test: validation,
    };
  }
  const order = numpyPermutation(drawing, validation.length);
  const half = validation.length / 2;
  const swapped =
    name === 'cola' && (side('split-cola') === 'paper' || (side('split-cola') === 'code' && !isT5));
  const cut = large.includes(name)
    ? Math.min(validationSize, Math.floor(half))
    : name === 'rte' && side('split-rte') === 'paper'
      ? Math.ceil(half)
      : Math.floor(half);
  const [first, rest] = [pick(validation, order.subarray(0, cut)), pick(validation, order.subarray(cut))];
  return { train, validation: swapped ? rest : first, test: swapped ? first : rest };
}

const pick = (rows: readonly GlueRow[], places: Int32Array): GlueRow[] =>
  Array.from(places, (place) => rows[place]!);
