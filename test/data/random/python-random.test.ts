// Tests that random numbers equal CPython's. Golden draws are those of CPython 3.11.
import { expect, test } from 'vitest';
import { PythonRandom } from '../../../harness/data/random/python-random.ts';

// getrandbits(1, 7, 32, 31), _randbelow(1, 2, 3, 1000, 2³¹ + 5), and samples of k elements of range(n).
const drawn = [
  {
    seed: 0,
    bits: [1, 49, 3255389356, 1911784257],
    below: [0, 0, 1, 988, 2087043557],
    samples: {
      '5 5': [3, 2, 1, 4, 0],
      '21 3': [16, 4, 9],
      '22 3': [4, 3, 19],
      '85 6': [32, 68, 77, 18, 39, 12],
      '86 6': [9, 42, 60, 71, 12, 45],
    },
  },
  {
    seed: 1234,
    bits: [1, 99, 1892932127, 250934579],
    below: [0, 0, 2, 35, 360511942],
    samples: {
      '5 5': [0, 2, 4, 3, 1],
      '21 3': [0, 11, 15],
      '22 3': [19, 14, 4],
      '85 6': [11, 23, 14, 1, 64, 62],
      '86 6': [31, 8, 85, 69, 59, 76],
    },
  },
  {
    seed: 2 ** 32 - 1,
    bits: [1, 79, 872737089, 462446548],
    below: [0, 1, 1, 688, 1201118819],
    samples: {
      '5 5': [2, 3, 1, 0, 4],
      '21 3': [19, 4, 15],
      '22 3': [16, 11, 5],
      '85 6': [7, 42, 4, 48, 56, 72],
      '86 6': [32, 69, 75, 8, 0, 70],
    },
  },
];

test.each(drawn)('seed $seed draws what CPython draws', ({ seed, bits, below, samples }) => {
  const random = new PythonRandom(seed);
  expect([1, 7, 32, 31].map((n) => random.getRandomBits(n))).toEqual(bits);
  expect([1, 2, 3, 1000, 2 ** 31 + 5].map((n) => random.below(n))).toEqual(below);
  for (const [sizes, expected] of Object.entries(samples)) {
    const [n, k] = sizes.split(' ').map(Number) as [number, number];
    expect(random.sample(n, k), sizes).toEqual(expected);
  }
});

test('what it cannot draw is refused', () => {
  for (const seed of [-1, 0.5, 2 ** 32]) expect(() => new PythonRandom(seed)).toThrow(RangeError);
  expect(() => new PythonRandom(0).sample(2, 3)).toThrow('cannot draw 3 of 2');
});

test.each([
  ['a', 0.2720295377534757, 0.06733663088629693],
  ['', 0.9602256525641875, 0.595411957851699],
  ['\0', 0.761237843064138, 0.450833543996808],
  ['Länge 漢字 🙂', 0.0011419617672993043, 0.32354094832016933],
])('the text %j as seed draws what CPython draws', (seed, ...expected) => {
  const random = new PythonRandom(seed);
  expect([random.random(), random.random()]).toEqual(expected);
});
