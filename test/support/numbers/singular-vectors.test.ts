// Tests singular values by their definition, on matrices of every shape and of deficient rank.
import { expect, it } from 'vitest';
import { multiply } from '../../../harness/support/numbers/matrix.ts';
import { randomStream } from '../../../harness/support/numbers/random-stream.ts';
import { singularVectors } from '../../../harness/support/numbers/singular-vectors.ts';

const random = (rows: number, columns: number): Float32Array =>
  randomStream(1, `${rows}x${columns}`).normal(rows * columns, 0, 1);

it.each([
  [7, 5, 5],
  [5, 7, 5],
  [16, 32, 4],
  [90, 70, 3],
  [1, 4, 1],
])('[%i, %i]: the %i largest', (rows, columns, count) => {
  const matrix = random(rows, columns);
  const { values, left, right } = singularVectors(matrix, rows, columns, count);
  expect(values).toEqual([...values].sort((a, b) => b - a));
  left.forEach((u, k) => {
    for (let row = 0; row < rows; row++) {
      let sum = 0;
      for (let i = 0; i < columns; i++) sum += matrix[row * columns + i]! * right[k]![i]!;
      expect(sum).toBeCloseTo(values[k]! * u[row]!, 10);
    }
  });
  // All of them together have the norm of the matrix; the largest alone is at least that of any row.
  const squares = matrix.reduce((sum, x) => sum + x * x, 0);
  const found = values.reduce((sum, x) => sum + x * x, 0);
  if (count === Math.min(rows, columns)) expect(found / squares).toBeCloseTo(1, 6);
  else expect(found).toBeLessThan(squares);
});

it('finds the values that a product of orthonormal matrices was made of', () => {
  const { left, right } = singularVectors(random(40, 30), 40, 30, 30);
  const expected = left.map((_, k) => 2 ** -k * 8);
  const up = Float32Array.from(
    { length: 40 * 30 },
    (_, i) => left[i % 30]![Math.floor(i / 30)]! * expected[i % 30]!,
  );
  const down = Float32Array.from({ length: 900 }, (_, i) => right[Math.floor(i / 30)]![i % 30]!);
  const { values } = singularVectors(multiply(up, down, 40, 30), 40, 30, 6);
  expect(values).toBeAllclose(expected.slice(0, 6), { rtol: 1e-6 });
});

it('has values of 0 where the rank is lower', () => {
  const one = multiply(random(6, 1), random(1, 8), 6, 8);
  const { values } = singularVectors(one, 6, 8, 3);
  expect(values[0]).toBeGreaterThan(1);
  expect(Math.max(...values.slice(1))).toBeLessThan(1e-6);
  expect(singularVectors(new Float32Array(12), 3, 4, 2).values).toEqual([0, 0]);
});
