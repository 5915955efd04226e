/** Draws the splits of GLUE that a run uses, as the RED paper and its code draw them. */
import type { Glue } from './load.ts';
import type { GlueName, GlueRow } from './rows.ts';
import { numpyPermutation } from '../../random/numpy-permutation.ts';
import type { Draw } from '../../examples/task.ts';

/** The splits of one run. */
export interface GlueSplits {
  readonly train: readonly GlueRow[];
  readonly validation: readonly GlueRow[];
  readonly test: readonly GlueRow[];
}

/** Seed of the one split that all runs share, where `split-seeded` is corrected. */
const fixedSeed = 42;
/** Number of validation examples of large tasks; small tasks use half of the official validation set. */
const validationSize = 1000;
const large: readonly GlueName[] = ['mnli', 'qnli', 'qqp'];

/**
 * Draws a run's splits. GLUE's test labels are not public, so the RED paper takes validation and test from
 * the official validation set. Its code (load_glue_data_final, load_glue_data_t5) permutes that set with
 * numpy by the seed: the first 1,000 examples of mnli, qnli and qqp, and the first half of the other tasks'
 * examples, validate; the rest is the test. Paper and code differ in these entries of the protocol:
 * - `split-seeded`: the corrected side draws one split for all seeds;
 * - `split-cola`: the code swaps CoLA's halves for encoders, the paper's sizes swap them for every model;
 * - `split-rte`: the paper has 139 and 138 examples, the code 138 and 139;
 * - `split-t5`: for T5 on mnli, qnli, qqp and sst2, the code takes validation from the training set and tests
 *   on the whole official validation set.
 */
export function drawGlueSplits(
  name: GlueName,
  { train, validation, test }: Pick<Glue, 'train' | 'validation' | 'test'>,
  { seed, family, side }: Draw,
): GlueSplits {
  // The built-in data has a labelled test split, so nothing is drawn from its validation split.
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
