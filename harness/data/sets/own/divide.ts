/** Divides the rows of one file into training, validation and test by `--split 80/10/10`. */
import { UsageError } from '../../../support/errors.ts';
import { numpyPermutation } from '../../random/numpy-permutation.ts';
import { splitNames, type SplitName } from './find-files.ts';

/** Shares of the splits in percent. */
export type Shares = Readonly<Record<SplitName, number>>;

/** The seed of the one division that all runs share. */
export const divisionSeed = 42;

/** Reads `80/10/10`; throws UsageError where these are no three shares that make 100. */
export function parseShares(text: string): Shares {
  const parts = /^\d+(\.\d+)?(\/\d+(\.\d+)?){2}$/.test(text) ? text.split('/').map(Number) : [];
  const [train, validation, test] = parts;
  const whole = parts.reduce((sum, part) => sum + part, 0);
  if (parts.every((part) => part > 0) && Math.abs(whole - 100) < 1e-9) {
    return { train: train!, validation: validation!, test: test! };
  }
  throw new UsageError(
    `--split ${text}: give the percent of training, validation and test, which make 100, such as 80/10/10.`,
  );
}

/**
 * Divides rows: those with the same `group` stay together, and each `stratum` has the same shares, up to a
 * group. Every stratum is permuted by numpy's generator with the fixed seed; the rows of a split keep their
 * order.
 */
export function divide<Row>(
  rows: readonly Row[],
  shares: Shares,
  { group, stratum }: { group(row: Row): string; stratum(row: Row): string },
): Record<SplitName, Row[]> {
  const groups = new Map<string, string>();
  for (const row of rows) if (!groups.has(group(row))) groups.set(group(row), stratum(row));
  const strata = new Map<string, string[]>();
  for (const [key, name] of groups) strata.set(name, [...(strata.get(name) ?? []), key]);
  const splitOf = new Map<string, SplitName>();
  let before = 0;
  // Counts are rounded over all strata so far, so that the splits have their sizes to a group.
  const upTo = (share: number, n: number): number => Math.round((share / 100) * n);
  for (const name of [...strata.keys()].sort()) {
    const keys = strata.get(name)!;
    const size = keys.length;
    const order = numpyPermutation(divisionSeed, size);
    const fair = (share: number): number => upTo(share, before + size) - upTo(share, before);
    // One group at least is trained on.
    const validation = Math.min(fair(shares.validation), size - 1);
    const test = Math.min(fair(shares.test), size - 1 - validation);
    order.forEach((at, i) => {
      const split = i < validation ? 'validation' : i < validation + test ? 'test' : 'train';
      splitOf.set(keys[at]!, split);
    });
    before += size;
  }
  const divided: Record<SplitName, Row[]> = { train: [], validation: [], test: [] };
  for (const row of rows) divided[splitOf.get(group(row))!].push(row);
  for (const split of splitNames) {
    if (divided[split].length > 0) continue;
    const { train, validation, test } = shares;
    throw new UsageError(
      `--split ${train}/${validation}/${test} leaves no row for ${split}: there are ${rows.length} to divide; ` +
        'give more rows or other shares.',
    );
  }
  return divided;
}
