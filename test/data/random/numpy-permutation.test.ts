// Tests that permutations equal numpy's. Golden hashes are numpy 2.4.6's; DELTABENCH_PARITY has more.
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import {
  numpyGeneratorPermutation,
  numpyPermutation,
} from '../../../harness/data/random/numpy-permutation.ts';

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

// [seed, n, sha256] of np.random.default_rng(seed).permutation(n), the same in numpy 1.24.4.
test.each([
  [42, 9919, '160fe98570ff58dc54f7bed3cc00c0d8958acaebb55134f691c583664e209c86'],
  [42, 170420, '617e0f6bf2048d12d453330e20dd2611e2ad3d806d3788ea0316d6d7463deb8e'],
  [42, 2, 'b0e4f9bb7b55e4b181760ae93c958c14b451a7556206dfa952d81f0f2165a9da'],
  [0, 1, '5feceb66ffc86f38d952786c6d696c79c2dbc239dd4e91b46729d73a27fb57e9'],
  [0, 17, 'f9101369c922254e2832b8fafbf9c06f3d929d9ce148f33b15f1a6c5337edb57'],
  [1, 100, '480ab80802401164b9d6cf6ee8bd77d94cef8413c15eb7c7e7fb90dc16e9bf39'],
  [7, 65536, '96b407e8a29dc0de6ee0403d8f6520b25e2f542851700071a841f0d2d7fa70cd'],
  [123456789, 65537, 'c5e6dcdb10539c07049e7ec4c5c256ef7058f0af3adfd9f44eab9429e6613369'],
  [2147483648, 1000, 'a0e5689923994efdc9cd701734af5a05af75750e9cd429a9897b602572dcf459'],
  [4294967295, 4097, '678a113a6f2cb1746b3653a9c95ab0e3170e0a0da17236d58aadb391859bbfb4'],
])('generator, seed %i, %i numbers', (seed, n, hash) => {
  expect(sha256(numpyGeneratorPermutation(seed, n))).toBe(hash);
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

test.each([numpyPermutation, numpyGeneratorPermutation])(
  '$name: none and one; what has no seed',
  (permute) => {
    expect([...permute(1, 0)]).toEqual([]);
    expect([...permute(1, 1)]).toEqual([0]);
    for (const seed of [-1, 1.5, 2 ** 32, NaN]) expect(() => permute(seed, 3)).toThrow(RangeError);
    for (const n of [-1, 1.5, 2 ** 31]) expect(() => permute(1, n)).toThrow(RangeError);
  },
);
