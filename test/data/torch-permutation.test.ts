// Compares permutations with those of torch 2.15.0: torch.randperm(n, generator=torch.Generator().manual_seed(s)).
import { expect, it } from 'vitest';
import { torchPermutation } from '../../harness/data/random/torch-permutation.ts';

it('draws what torch draws', () => {
  expect([...torchPermutation(777, 20, 20)]).toEqual([
    15, 0, 9, 11, 3, 7, 5, 1, 19, 13, 4, 6, 18, 14, 12, 2, 10, 17, 16, 8,
  ]);
  expect([...torchPermutation(777, 768 * 3072, 8)]).toEqual([
    2160743, 1949640, 1000073, 970736, 2203675, 632404, 359403, 1368825,
  ]);
  expect([...torchPermutation(3, 5, 5)]).toEqual([1, 0, 3, 4, 2]);
});

it('refuses lengths that torch permutes by another rule', () => {
  expect(() => torchPermutation(0, 2 ** 28, 1)).toThrow('another rule');
});
