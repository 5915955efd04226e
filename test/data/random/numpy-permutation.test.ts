// Tests that permutations equal numpy's. Golden hashes are numpy 2.4.6's; DELTABENCH_PARITY has more.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { numpyPermutation } from '../../../harness/data/random/numpy-permutation.ts';

const parity = process.env.DELTABENCH_PARITY;
const sha256 = (order: Int32Array) => createHash('sha256').update(order.join(',')).digest('hex');

// [seed, n, sha256] of np.random.RandomState(seed).permutation(n).
test.each([
  [42, 10, '55b4987cd4496080b2e1217bf54be43b01131c6fff21fcea47e2f1487fe3b835'],
  [46, 10, '09689b660cd0e7f62a6b461ba9ec6d81a7f7dde946c947be81d41a9d71f35181'],
  [42, 277, 'e23177d17a762862b21117e6ed9a2e6bee1f41f7e20f01fb497ec39c84b86c03'],
  [44, 277, '52444f8a3823e2b34443c6c61d61cf790c7a78040ca3c99881b485aeb6316898'],
  [43, 408, '0869fe483b30638934d3e12d1b67bf8632e540c66d6e637fbeadb1cf472b954b'],
])('seed %i, %i numbers', (seed, n, hash) => {
  expect(sha256(numpyPermutation(seed, n))).toBe(hash);
});

test.skipIf(!parity)('every permutation of the reference set', async () => {
  const { cases } = JSON.parse(await readFile(join(parity!, 'numpy-permutation.json'), 'utf8')) as {
    cases: { seed: number; n: number; first: number[]; sha256: string }[];
  };
  expect(cases.length).toBeGreaterThan(20);
  for (const { seed, n, first, sha256: hash } of cases) {
    const order = numpyPermutation(seed, n);
    expect([...order.subarray(0, first.length)]).toEqual(first);
    expect(sha256(order)).toBe(hash);
  }
});

test('none and one; what numpy has no seed for', () => {
  expect([...numpyPermutation(1, 0)]).toEqual([]);
  expect([...numpyPermutation(1, 1)]).toEqual([0]);
  for (const seed of [-1, 1.5, 2 ** 32, NaN]) expect(() => numpyPermutation(seed, 3)).toThrow(RangeError);
  for (const n of [-1, 1.5, 2 ** 31]) expect(() => numpyPermutation(1, n)).toThrow(RangeError);
});
