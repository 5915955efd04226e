// Tests of paired comparisons of two evaluations. Golden numbers are exact fractions and NumPy 2.4's.
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { comparePaired, exactMcNemar } from '../../../harness/reporting/evaluations/compare-evaluations.ts';
import { compareEvaluations } from '../../../harness/reporting/evaluations/pair-evaluations.ts';
import { temporaryFolder } from '../../support/temporary.ts';

test.each([
  [0, 0, 1],
  [1, 0, 1],
  [5, 5, 1],
  [9, 2, 0.0654296875],
  [30, 12, 0.007915897334896727],
  [600, 480, 0.0002895729029358265],
  [2000, 1700, 8.738822275817884e-7],
])("McNemar's exact test of %i against %i", (first, second, p) => {
  expect(exactMcNemar(first, second) / p).toBeCloseTo(1, 10);
  expect(exactMcNemar(second, first)).toBe(exactMcNemar(first, second));
});

test('right and wrong answers', () => {
  const found = comparePaired([1, 1, 0, 1, 0, 1, 1, 0, 1, 1], [1, 0, 0, 1, 0, 0, 1, 1, 0, 1]);
  expect(found).toMatchObject({ documents: 10, means: [0.7, 0.5], discordant: [3, 1], p: 0.625 });
  expect([found.difference, found.standardError]).toBeAllclose([0.2, 0.2], { atol: 1e-12 });
});

test('scores between right and wrong', () => {
  const { discordant, difference, standardError, p, interval } = comparePaired(
    [0.2, 0.9, 0.45, 0.7],
    [0.1, 0.95, 0.3, 0.2],
  );
  expect(discordant).toBeUndefined();
  expect([difference, standardError, p, interval![0]]).toBeAllclose(
    [0.175, 0.11636866703140782, 0.13262225087386623, -0.05307839631049288],
    { atol: 1e-12 },
  );
});

test('one document has no error; unequal numbers are refused', () => {
  expect(comparePaired([1], [0])).toMatchObject({ standardError: undefined, interval: undefined, p: 1 });
  expect(() => comparePaired([1], [])).toThrow(/1 and 0 documents/);
});

test.each([
  ['nothing', /there is no such file/],
  ['empty', /holds no finished evaluation/],
  ['other.json', /is no record that can be used/],
])('a place that holds %s is refused with the way out', async (name, message) => {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'empty'));
  await writeFile(join(folder, 'other.json'), '{}');
  await expect(compareEvaluations(join(folder, name), folder)).rejects.toThrow(message);
});
